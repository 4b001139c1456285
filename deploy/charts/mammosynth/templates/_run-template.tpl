{{/* The Job that the orchestrator fills in for each run: name, pairs, seed, policy, shards, output. */}}
{{- define "mammosynth.runTemplate" -}}
{{- $values := .Values -}}
{{- $labels := include "mammosynth.labels" (dict "name" "mammosynth-run" "instance" .Release.Name "component" "generate" "version" .Chart.AppVersion) -}}
{{- $addresses := dict -}}
{{- range $service := list "stylizer" "anomaly" "classifier" }}
{{- $_ := set $addresses $service (include "mammosynth.dial" (dict "root" $ "component" $service)) }}
{{- end -}}
{{- $job := merge (dict "shards" 1 "suspend" false) $values.runs -}}
{{ include "mammosynth.indexedJob" (dict "name" "run" "labels" $labels "job" $job "podLabels" (include "mammosynth.runPodLabels" .) "spec" (include "mammosynth.runPod" (dict "root" . "addresses" $addresses))) }}
{{- end }}

{{- define "mammosynth.runPodLabels" -}}
{{ include "mammosynth.labels" (dict "name" "mammosynth-run" "instance" .Release.Name "component" "generate" "version" .Chart.AppVersion) }}
mammosynth-caller: "true"
{{- with .Values.podLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "mammosynth.runPod" -}}
{{- $values := .root.Values -}}
serviceAccountName: {{ include "mammosynth.name" (dict "root" .root "component" "generate") }}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: Never
terminationGracePeriodSeconds: {{ add $values.runs.graceSeconds 15 }}
securityContext:
  {{- include "mammosynth.podSecurityContext" . | nindent 2 }}
{{- with $values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . }}}
  {{- end }}
{{- end }}
{{- if $values.dataset.url }}
initContainers:
  {{- include "mammosynth.fetch" (dict "place" $values.dataset "name" "dataset" "image" (include "mammosynth.serviceImage" (dict "root" .root "service" "orchestrator")) "pullPolicy" $values.image.pullPolicy "objectStorage" $values.objectStorage "resources" $values.runs.resources) | nindent 2 }}
{{- end }}
containers:
  - {{ include "mammosynth.generateContainer" (dict
      "image" (include "mammosynth.serviceImage" (dict "root" .root "service" "orchestrator"))
      "pullPolicy" $values.image.pullPolicy
      "run" (dict "pairs" 1 "seed" 0 "policy" (include "mammosynth.policy" .root) "placebo" $values.runs.placebo "keepRejected" $values.runs.keepRejected "anySize" $values.orchestrator.anySize "graceSeconds" $values.runs.graceSeconds "startSeconds" $values.runs.startSeconds)
      "shards" 1
      "addresses" .addresses
      "dataset" (include "mammosynth.path" (dict "place" $values.dataset "name" "dataset"))
      "output" (include "mammosynth.address" (dict "place" $values.runs "name" "runs"))
      "tls" $values.tls
      "objectStorage" $values.objectStorage
      "resources" $values.runs.resources
      "mounts" (include "mammosynth.runMounts" .root)) | nindent 4 | trim }}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 1Gi}
  {{- include "mammosynth.volumes" (dict "places" (fromJson (include "mammosynth.runPlaces" .root))) | nindent 2 }}
  - name: policies
    configMap: {name: {{ include "mammosynth.name" (dict "root" .root "component" "policies") }}}
  {{- if $values.tls.secretName }}
  - name: tls
    secret: {secretName: {{ $values.tls.secretName }}, defaultMode: 0440}
  {{- end }}
{{- end }}

{{- define "mammosynth.runPlaces" -}}
{{- $places := dict "dataset" .Values.dataset -}}
{{- if not .Values.runs.url }}{{ $_ := set $places "runs" .Values.runs }}{{ end -}}
{{ toJson $places }}
{{- end }}

{{- define "mammosynth.runMounts" -}}
{{- $places := fromJson (include "mammosynth.runPlaces" .) -}}
- {name: tmp, mountPath: /tmp}
- {name: dataset, mountPath: /dataset, readOnly: true}
{{- if not .Values.runs.url }}
- {name: {{ include "mammosynth.shelf" (dict "places" $places "name" "runs") }}, mountPath: /runs}
{{- end }}
- {name: policies, mountPath: /etc/mammosynth/policies, readOnly: true}
{{- if .Values.tls.secretName }}
- {name: tls, mountPath: /tls, readOnly: true}
{{- end }}
{{- end }}
