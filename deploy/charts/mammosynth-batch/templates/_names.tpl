{{- define "mammosynth-batch.name" -}}
{{ printf "mammosynth-%s" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end }}

{{/* No label says who manages an object: manifests are made from this chart too. Pods of a run belong to the services
that they call. */}}
{{- define "mammosynth-batch.labels" -}}
{{ include "mammosynth.labels" (dict "name" (ternary "mammosynth-run" "mammosynth-batch" (eq .Values.task "generate")) "instance" (include "mammosynth-batch.instance" .) "component" .Values.task "version" .Chart.AppVersion) }}
{{- end }}

{{- define "mammosynth-batch.instance" -}}
{{- if eq .Values.task "generate" }}{{ .Values.services.instance }}{{ else }}{{ .Release.Name }}{{ end -}}
{{- end }}

{{- define "mammosynth-batch.podLabels" -}}
{{ include "mammosynth-batch.labels" . }}
mammosynth-job: {{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- if eq .Values.task "generate" }}
mammosynth-caller: "true"
{{- end }}
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mammosynth-batch.image" -}}
{{ include "mammosynth.image" (dict "image" .root.Values.image "service" .service "appVersion" .root.Chart.AppVersion) }}
{{- end }}

{{- define "mammosynth-batch.policy" -}}
{{- if hasKey .Values.policies .Values.run.policy }}/etc/mammosynth/policies/{{ .Values.run.policy }}.yaml{{ else }}{{ .Values.run.policy }}{{ end -}}
{{- end }}

{{/* Options by name as arguments. Whole numbers are written as such: Helm reads them as floating point. */}}
{{- define "mammosynth-batch.options" -}}
{{- range $name, $value := . }}
{{- if kindIs "bool" $value }}
- --{{ ternary "" "no-" $value }}{{ $name }}
{{- else if and (kindIs "float64" $value) (eq (floor $value) $value) }}
- --{{ $name }}={{ int64 $value }}
{{- else if not (kindIs "invalid" $value) }}
- {{ printf "--%s=%v" $name $value | quote }}
{{- end }}
{{- end }}
{{- end }}
