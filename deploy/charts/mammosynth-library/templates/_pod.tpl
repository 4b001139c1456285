{{/* Parts of every pod: what it may do, where it writes, which image it runs. */}}

{{/* Image of a service. Takes: image (values), service, appVersion. */}}
{{- define "mammosynth.image" -}}
{{- $tag := .image.tag | default .appVersion -}}
{{- $name := printf "%s-%s:%s" .image.repository .service $tag -}}
{{- if .image.registry }}{{ printf "%s/%s" .image.registry $name }}{{ else }}{{ $name }}{{ end -}}
{{- end }}

{{/* Labels that say what an object is. Takes: name, instance, component, version. */}}
{{- define "mammosynth.labels" -}}
{{ include "mammosynth.selector" . }}
app.kubernetes.io/part-of: mammosynth
app.kubernetes.io/version: {{ .version | quote }}
{{- end }}

{{/* Labels that select the pods of a component. Takes: name, instance, component. */}}
{{- define "mammosynth.selector" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .instance }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* What the Pod Security Standard "restricted" asks of a pod. */}}
{{- define "mammosynth.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* … and of a container; what it writes goes to mounted volumes. */}}
{{- define "mammosynth.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a program may leave temporary files: the root is read-only. */}}
{{- define "mammosynth.writableEnv" -}}
- {name: HOME, value: /tmp}
- {name: MPLCONFIGDIR, value: /tmp/matplotlib}
{{- end }}

{{/* Spans go to an OpenTelemetry collector where an endpoint is given. Takes: endpoint, prefix of the variable. */}}
{{- define "mammosynth.telemetryEnv" -}}
{{- with .endpoint }}
- {name: {{ $.prefix }}_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{/* How an object store is reached. Takes: objectStorage (values). */}}
{{- define "mammosynth.objectStorageEnv" -}}
{{- with .endpointUrl }}
- {name: AWS_ENDPOINT_URL, value: {{ . | quote }}}
{{- end }}
{{- with .region }}
- {name: AWS_DEFAULT_REGION, value: {{ . | quote }}}
{{- end }}
{{- if .secretName }}
{{- range $name := list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef: {name: {{ $.secretName }}, key: {{ $name }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Where a folder lies as a container sees it. Takes: place (claim, path, url), name of the mount. */}}
{{- define "mammosynth.path" -}}
{{- if .place.url }}/{{ .name }}{{ else }}{{ printf "/%s/%s" .name .place.path | trimSuffix "/" }}{{ end -}}
{{- end }}

{{/* The same for a run directory, which is written to object storage directly. */}}
{{- define "mammosynth.address" -}}
{{- if .place.url }}{{ .place.url }}{{ else }}{{ include "mammosynth.path" . }}{{ end -}}
{{- end }}

{{/* Volume of such a folder: a claim, or room for what is fetched from object storage. Takes: place, name. */}}
{{- define "mammosynth.volume" -}}
- name: {{ .name }}
{{- if .place.url }}
  emptyDir: {}
{{- else }}
  persistentVolumeClaim: {claimName: {{ .place.claim }}}
{{- end }}
{{- end }}

{{/* Name of the volume that a folder lies on. Folders of one claim share a volume: a pod that has a claim as two volumes
is never started. Takes: places (by name), name. */}}
{{- define "mammosynth.shelf" -}}
{{- $own := get .places .name -}}
{{- $found := dict "name" "" -}}
{{- range $name, $place := .places -}}
{{- if and (not $found.name) (not $place.url) (not $own.url) (eq $place.claim $own.claim) -}}
{{- $_ := set $found "name" $name -}}
{{- end -}}
{{- end -}}
{{ $found.name | default .name }}
{{- end }}

{{/* Volumes of all folders of a pod. Takes: places (by name). */}}
{{- define "mammosynth.volumes" -}}
{{- $places := .places -}}
{{- range $name, $place := $places }}
{{- if eq $name (include "mammosynth.shelf" (dict "places" $places "name" $name)) }}
{{ include "mammosynth.volume" (dict "place" $place "name" $name) }}
{{- end }}
{{- end }}
{{- end }}

{{/* Init container that fetches a folder from object storage. Takes: place, name, image, pullPolicy, objectStorage,
resources. */}}
{{- define "mammosynth.fetch" -}}
- name: fetch-{{ .name }}
  image: {{ .image }}
  imagePullPolicy: {{ .pullPolicy }}
  args: [fetch, {{ .place.url | quote }}, /{{ .name }}]
  env:
    {{- include "mammosynth.writableEnv" . | nindent 4 }}
    {{- include "mammosynth.objectStorageEnv" .objectStorage | nindent 4 }}
  securityContext:
    {{- include "mammosynth.containerSecurityContext" . | nindent 4 }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  volumeMounts:
    - {name: {{ .name }}, mountPath: /{{ .name }}}
    - {name: tmp, mountPath: /tmp}
{{- end }}

{{/* Certificates of a client or a server. Takes: tls (values), prefix of the variables, server (whether it is one),
client (whether it is one). */}}
{{- define "mammosynth.tlsEnv" -}}
{{- if .tls.secretName }}
- {name: {{ .prefix }}_TLS_CERTIFICATE, value: /tls/tls.crt}
- {name: {{ .prefix }}_TLS_KEY, value: /tls/tls.key}
{{- if .client }}
- {name: {{ .prefix }}_TLS_CA, value: /tls/ca.crt}
{{- end }}
{{- if and .server .tls.mutual }}
- {name: {{ .prefix }}_TLS_CLIENT_CA, value: /tls/ca.crt}
{{- end }}
{{- end }}
{{- end }}
