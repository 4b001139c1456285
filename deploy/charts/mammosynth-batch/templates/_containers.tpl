{{/* A container that runs one command to its end. Takes: root, name, service (whose image), args, mounts (as text),
resources. */}}
{{- define "mammosynth-batch.step" -}}
name: {{ .name }}
image: {{ include "mammosynth-batch.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args:
  {{- range .args }}
  - {{ . | quote }}
  {{- end }}
  {{- with .options }}
  {{- include "mammosynth-batch.options" . | nindent 2 }}
  {{- end }}
env:
  {{- include "mammosynth.objectStorageEnv" .root.Values.objectStorage | nindent 2 }}
  {{- include "mammosynth.writableEnv" . | nindent 2 }}
securityContext:
  {{- include "mammosynth.containerSecurityContext" . | nindent 2 }}
resources:
  {{- toYaml (.resources | default .root.Values.resources) | nindent 2 }}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- .mounts | nindent 2 }}
{{- end }}

{{/* Say whether the gates can be served, before anything is started that would be started again for ever. Takes: root,
models (path), mounts (as text). */}}
{{- define "mammosynth-batch.checks" -}}
{{- $context := . -}}
{{- range $service := list "anomaly" "classifier" }}
- {{ include "mammosynth-batch.step" (dict "root" $context.root "name" (printf "check-%s" $service) "service" $service "mounts" $context.mounts "resources" (get $context.root.Values $service).resources "args" (list "serve" $service (printf "--model=%s/%s.onnx" $context.models $service) "--check-only" "--provider=cpu")) | nindent 2 | trim }}
{{- end }}
{{- end }}

{{/* The three services as native sidecars: they start before the main container, and end after it. Takes: root, models
(path), mounts (as text). */}}
{{- define "mammosynth-batch.sidecars" -}}
{{- $context := . -}}
{{- $values := .root.Values -}}
{{- range $index, $service := list "stylizer" "anomaly" "classifier" }}
{{- $own := get $values $service }}
{{- $prefix := printf "MAMMOSYNTH_%s" (upper $service) }}
- name: {{ $service }}
  restartPolicy: Always
  image: {{ include "mammosynth-batch.image" (dict "root" $context.root "service" $service) }}
  imagePullPolicy: {{ $values.image.pullPolicy }}
  args: [serve, {{ $service }}]
  env:
    - {name: {{ $prefix }}_LISTEN, value: "127.0.0.1:{{ add 50051 $index }}"}
    - {name: {{ $prefix }}_HEALTH_PORT, value: "{{ add 50061 $index }}"}
    {{- if eq $service "stylizer" }}
    - {name: {{ $prefix }}_TRUNK, value: {{ $own.trunk | quote }}}
    {{- with $own.slots }}
    - {name: {{ $prefix }}_SLOTS, value: {{ . | quote }}}
    {{- end }}
    {{- else }}
    - {name: {{ $prefix }}_MODEL, value: {{ $context.models }}/{{ $service }}.onnx}
    {{- end }}
    {{- with $own.threads }}
    - {name: {{ $prefix }}_THREADS, value: {{ . | quote }}}
    {{- end }}
    {{- include "mammosynth.telemetryEnv" (dict "endpoint" $values.opentelemetry.endpoint "prefix" $prefix) | nindent 4 }}
    {{- include "mammosynth.writableEnv" $context | nindent 4 }}
  startupProbe:
    grpc: {port: {{ add 50061 $index }}}
    periodSeconds: 2
    timeoutSeconds: 5
    failureThreshold: 150
  securityContext:
    {{- include "mammosynth.containerSecurityContext" $context | nindent 4 }}
  resources:
    {{- $resources := deepCopy $own.resources }}
    {{- if dig "gpu" "enabled" false $own }}
    {{- $limits := get $resources "limits" | default dict }}
    {{- $_ := set $limits $own.gpu.resource $own.gpu.count }}
    {{- $_ := set $resources "limits" $limits }}
    {{- end }}
    {{- toYaml $resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- $context.mounts | nindent 4 }}
{{- end }}
{{- end }}

{{/* Addresses of these sidecars, by service. */}}
{{- define "mammosynth-batch.sidecarAddresses" -}}
{{ dict "stylizer" "127.0.0.1:50051" "anomaly" "127.0.0.1:50052" "classifier" "127.0.0.1:50053" | toJson }}
{{- end }}

{{/* The container that works on a shard. Takes: root, addresses, dataset, output, run, mounts. */}}
{{- define "mammosynth-batch.generate" -}}
{{- $values := .root.Values -}}
{{ include "mammosynth.generateContainer" (dict
  "image" (include "mammosynth-batch.image" (dict "root" .root "service" "orchestrator"))
  "pullPolicy" $values.image.pullPolicy
  "run" .run
  "shards" .shards
  "addresses" .addresses
  "dataset" .dataset
  "output" .output
  "tls" (ternary $values.tls (dict "secretName" "") (eq $values.task "generate"))
  "objectStorage" $values.objectStorage
  "resources" $values.resources
  "mounts" .mounts) }}
{{- end }}
