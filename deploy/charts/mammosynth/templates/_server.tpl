{{/* What each server is started with. Takes: root, component. */}}
{{- define "mammosynth.serverEnv" -}}
{{- $values := .root.Values -}}
{{- $own := get $values .component -}}
{{- $prefix := printf "MAMMOSYNTH_%s" (upper .component) -}}
- {name: {{ $prefix }}_LISTEN, value: "[::]:50051"}
- {name: {{ $prefix }}_HEALTH_PORT, value: "50052"}
- {name: {{ $prefix }}_METRICS_PORT, value: "9090"}
- {name: {{ $prefix }}_DRAIN_S, value: {{ $own.drainSeconds | quote }}}
- {name: {{ $prefix }}_MAX_CONNECTION_AGE_S, value: {{ $values.maxConnectionAgeSeconds | quote }}}
{{ include "mammosynth.ownEnv" (dict "root" .root "component" .component "own" $own "prefix" $prefix) }}
{{- include "mammosynth.tlsEnv" (dict "tls" $values.tls "prefix" $prefix "server" true "client" (eq .component "orchestrator")) }}
{{- include "mammosynth.telemetryEnv" (dict "endpoint" $values.opentelemetry.endpoint "prefix" $prefix) }}
{{ include "mammosynth.writableEnv" . }}
{{- end }}

{{/* … and what only one of them is started with. */}}
{{- define "mammosynth.ownEnv" -}}
{{- $own := .own -}}
{{- if eq .component "stylizer" -}}
- {name: {{ .prefix }}_TRUNK, value: {{ $own.trunk | quote }}}
- {name: {{ .prefix }}_DEVICE, value: {{ $own.device | quote }}}
- {name: {{ .prefix }}_QUEUE_LIMIT, value: {{ $own.queueLimit | quote }}}
{{- with $own.slots }}
- {name: {{ $.prefix }}_SLOTS, value: {{ . | quote }}}
{{- end }}
{{- with $own.threads }}
- {name: {{ $.prefix }}_THREADS, value: {{ . | quote }}}
{{- end }}
{{- else if eq .component "orchestrator" -}}
{{ include "mammosynth.orchestratorEnv" . }}
{{- else -}}
- {name: {{ .prefix }}_MODEL, value: {{ printf "%s/%s" (include "mammosynth.path" (dict "place" .root.Values.models "name" "models")) $own.model | quote }}}
{{- with $own.sha256 }}
- {name: {{ $.prefix }}_SHA256, value: {{ . | quote }}}
{{- end }}
- {name: {{ .prefix }}_PROVIDER, value: {{ $own.provider | quote }}}
{{- with $own.batch }}
- {name: {{ $.prefix }}_BATCH, value: {{ . | quote }}}
{{- end }}
- {name: {{ .prefix }}_THREADS, value: {{ $own.threads | quote }}}
- {name: {{ .prefix }}_QUEUE_LIMIT, value: {{ $own.queueLimit | quote }}}
{{- end }}
{{- end }}

{{- define "mammosynth.orchestratorEnv" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
- {name: {{ .prefix }}_DATASET, value: {{ include "mammosynth.path" (dict "place" $values.dataset "name" "dataset") | quote }}}
- {name: {{ .prefix }}_POLICY, value: {{ include "mammosynth.policy" .root | quote }}}
- {name: {{ .prefix }}_ANY_SIZE, value: {{ .own.anySize | quote }}}
- {name: {{ .prefix }}_START_TIMEOUT_S, value: {{ .own.startupSeconds | quote }}}
{{- with .own.inFlight }}
- {name: {{ $.prefix }}_IN_FLIGHT, value: {{ . | quote }}}
{{- end }}
{{- range $service := list "stylizer" "anomaly" "classifier" }}
- {name: {{ $.prefix }}_{{ upper $service }}, value: {{ include "mammosynth.dial" (dict "root" $root "component" $service) | quote }}}
{{- end }}
{{- if $values.token.secretName }}
- {name: {{ .prefix }}_TOKEN_FILE, value: /token/{{ $values.token.key }}}
{{- end }}
{{- if $values.runs.enabled }}
- {name: {{ .prefix }}_RUNS, value: {{ include "mammosynth.address" (dict "place" $values.runs "name" "runs") | quote }}}
- {name: {{ .prefix }}_JOB_TEMPLATE, value: /etc/mammosynth/runs/job.yaml}
{{- end }}
{{- include "mammosynth.objectStorageEnv" $values.objectStorage }}
{{- end }}

{{/* Folders that a component reads and writes. Takes: root, component. */}}
{{- define "mammosynth.places" -}}
{{- $values := .root.Values -}}
{{- $places := dict -}}
{{- if or (has .component (list "anomaly" "classifier")) (and (eq .component "stylizer") (hasPrefix "/models/" $values.stylizer.trunk)) -}}
{{- $_ := set $places "models" $values.models -}}
{{- end -}}
{{- if eq .component "orchestrator" -}}
{{- $_ := set $places "dataset" $values.dataset -}}
{{- if and $values.runs.enabled (not $values.runs.url) -}}
{{- $_ := set $places "runs" $values.runs -}}
{{- end -}}
{{- end -}}
{{ toJson $places }}
{{- end }}

{{/* Volumes and mounts. Takes: root, component. */}}
{{- define "mammosynth.serverVolumes" -}}
{{- $values := .root.Values -}}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
{{- include "mammosynth.volumes" (dict "places" (fromJson (include "mammosynth.places" .))) }}
{{- if $values.tls.secretName }}
- name: tls
  secret: {secretName: {{ $values.tls.secretName }}, defaultMode: 0440}
{{- end }}
{{- if eq .component "orchestrator" }}
{{- if $values.token.secretName }}
- name: token
  secret: {secretName: {{ $values.token.secretName }}, defaultMode: 0440}
{{- end }}
- name: policies
  configMap: {name: {{ include "mammosynth.name" (dict "root" .root "component" "policies") }}}
{{- if $values.runs.enabled }}
- name: run-template
  configMap: {name: {{ include "mammosynth.name" (dict "root" .root "component" "runs") }}}
{{- end }}
{{- end }}
{{- end }}

{{- define "mammosynth.serverMounts" -}}
{{- $values := .root.Values -}}
- {name: tmp, mountPath: /tmp}
{{- $places := fromJson (include "mammosynth.places" .) }}
{{- range $name, $place := $places }}
- {name: {{ include "mammosynth.shelf" (dict "places" $places "name" $name) }}, mountPath: /{{ $name }}{{ if ne $name "runs" }}, readOnly: true{{ end }}}
{{- end }}
{{- if $values.tls.secretName }}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end }}
{{- if eq .component "orchestrator" }}
{{- if $values.token.secretName }}
- {name: token, mountPath: /token, readOnly: true}
{{- end }}
- {name: policies, mountPath: /etc/mammosynth/policies, readOnly: true}
{{- if $values.runs.enabled }}
- {name: run-template, mountPath: /etc/mammosynth/runs, readOnly: true}
{{- end }}
{{- end }}
{{- end }}

{{/* Init containers that fetch from object storage. Takes: root, component. */}}
{{- define "mammosynth.fetches" -}}
{{- $root := .root -}}
{{- range $name, $place := fromJson (include "mammosynth.places" .) }}
{{- if and $place.url (ne $name "runs") }}
{{ include "mammosynth.fetch" (dict "place" $place "name" $name "image" (include "mammosynth.serviceImage" (dict "root" $root "service" "orchestrator")) "pullPolicy" $root.Values.image.pullPolicy "objectStorage" $root.Values.objectStorage "resources" $root.Values.orchestrator.resources) }}
{{- end }}
{{- end }}
{{- end }}
