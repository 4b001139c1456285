{{/* Name of an object of a component. Takes: root, component. */}}
{{- define "mammosynth.name" -}}
{{ printf "%s-%s" (.root.Release.Name | trunc 40 | trimSuffix "-") .component }}
{{- end }}

{{/* Labels of an object of a component. Takes: root, component. */}}
{{- define "mammosynth.objectLabels" -}}
{{ include "mammosynth.labels" (dict "name" "mammosynth" "instance" .root.Release.Name "component" .component "version" .root.Chart.AppVersion) }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "mammosynth.objectSelector" -}}
{{ include "mammosynth.selector" (dict "name" "mammosynth" "instance" .root.Release.Name "component" .component) }}
{{- end }}

{{- define "mammosynth.serviceImage" -}}
{{ include "mammosynth.image" (dict "image" .root.Values.image "service" .service "appVersion" .root.Chart.AppVersion) }}
{{- end }}

{{/* Components that there are, by name. */}}
{{- define "mammosynth.components" -}}
stylizer anomaly classifier{{ if .Values.orchestrator.enabled }} orchestrator{{ end }}
{{- end }}

{{/* Full gRPC name of a component's service. */}}
{{- define "mammosynth.grpcService" -}}
mammosynth.v1.{{ get (dict "stylizer" "StylizerService" "anomaly" "AnomalyService" "classifier" "ClassifierService" "orchestrator" "GenerationService") . }}
{{- end }}

{{/* Address that callers dial: all pods behind the headless Service. */}}
{{- define "mammosynth.dial" -}}
dns:///{{ include "mammosynth.name" . }}:50051
{{- end }}

{{/* Policy as the orchestrator finds it: a shipped name, or the file of one of `policies`. */}}
{{- define "mammosynth.policy" -}}
{{- if hasKey .Values.policies .Values.orchestrator.policy }}/etc/mammosynth/policies/{{ .Values.orchestrator.policy }}.yaml{{ else }}{{ .Values.orchestrator.policy }}{{ end -}}
{{- end }}

{{/* Whether anything is fetched from object storage, or written there. */}}
{{- define "mammosynth.usesObjectStorage" -}}
{{- if or .Values.models.url .Values.dataset.url (and .Values.runs.enabled .Values.runs.url) }}true{{ end -}}
{{- end }}
