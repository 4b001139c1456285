{{/* What every pod of a Job has, around its containers. */}}
{{- define "mammosynth-batch.pod" -}}
serviceAccountName: {{ include "mammosynth-batch.name" . }}
automountServiceAccountToken: false
enableServiceLinks: false
restartPolicy: Never
terminationGracePeriodSeconds: {{ add .Values.run.graceSeconds 15 }}
securityContext:
  {{- include "mammosynth.podSecurityContext" . | nindent 2 }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . }}}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{ include (printf "mammosynth-batch.%s" (ternary "against-services" .Values.task (eq .Values.task "generate"))) . }}
{{- end }}

{{- define "mammosynth-batch.volumes" -}}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: 1Gi}
{{- end }}

{{/* Folders that the pod of a task has, by name. */}}
{{- define "mammosynth-batch.places" -}}
{{- $values := .Values -}}
{{- $names := get (dict "prepare" (list "films" "dataset") "train" (list "dataset" "models") "generate" (list "dataset" "output") "generate-standalone" (list "dataset" "models" "output") "finalise" (list "output") "report" (list "dataset" "output") "uplift" (list "dataset" "models" "output")) .Values.task -}}
{{- $places := dict -}}
{{- range $name := $names -}}
{{- $place := get $values $name -}}
{{- $written := or (eq $name "output") (and (eq $values.task "train") (eq $name "models")) -}}
{{- if not (and $written $place.url) }}{{ $_ := set $places $name $place }}{{ end -}}
{{- end -}}
{{ toJson $places }}
{{- end }}

{{/* Mount of a folder; its volume may be another folder's. Takes: root, name, readOnly. */}}
{{- define "mammosynth-batch.mount" -}}
- {name: {{ include "mammosynth.shelf" (dict "places" (fromJson (include "mammosynth-batch.places" .root)) "name" .name) }}, mountPath: /{{ .name }}{{ if .readOnly }}, readOnly: true{{ end }}}
{{- end }}

{{- define "mammosynth-batch.placeVolumes" -}}
{{- include "mammosynth.volumes" (dict "places" (fromJson (include "mammosynth-batch.places" .))) }}
{{- end }}

{{/* Fetches what lies in object storage. Takes: root, places (names). */}}
{{- define "mammosynth-batch.fetches" -}}
{{- $root := .root -}}
{{- range $name := .places }}
{{- $place := get $root.Values $name }}
{{- if $place.url }}
{{ include "mammosynth.fetch" (dict "place" $place "name" $name "image" (include "mammosynth-batch.image" (dict "root" $root "service" "orchestrator")) "pullPolicy" $root.Values.image.pullPolicy "objectStorage" $root.Values.objectStorage "resources" $root.Values.resources) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "mammosynth-batch.demo" -}}
{{- $demo := .Values.demo -}}
{{- $mounts := "- {name: scratch, mountPath: /scratch}" -}}
initContainers:
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "phantoms" "service" "curator" "mounts" $mounts "args" (list "dataset" "phantom" "--output" "/scratch/phantoms" "--patients" (int $demo.patients))) | nindent 4 | trim }}
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "prepare" "service" "curator" "mounts" $mounts "args" (list "dataset" "prepare" "--images" "/scratch/phantoms" "--table" "/scratch/phantoms/table.csv" "--output" "/scratch/dataset" "--size" (int $demo.size))) | nindent 4 | trim }}
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "train-anomaly" "service" "trainer" "mounts" $mounts "args" (list "train" "anomaly" "/scratch/dataset" "--output" "/scratch/models" "--preset" "laptop")) | nindent 4 | trim }}
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "train-classifier" "service" "trainer" "mounts" $mounts "args" (list "train" "classifier" "/scratch/dataset" "--output" "/scratch/models" "--start" "random" "--freeze")) | nindent 4 | trim }}
  {{- include "mammosynth-batch.sidecars" (dict "root" . "models" "/scratch/models" "mounts" $mounts) | nindent 2 }}
containers:
  - {{ include "mammosynth-batch.generate" (dict "root" . "shards" 1 "dataset" "/scratch/dataset" "output" "/scratch/run" "run" (merge (dict "pairs" $demo.pairs "placebo" $demo.placebo "policy" "stable" "seed" 0) .Values.run) "addresses" (fromJson (include "mammosynth-batch.sidecarAddresses" .)) "mounts" (printf "- {name: tmp, mountPath: /tmp}\n%s" $mounts)) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  - name: scratch
    emptyDir: {sizeLimit: {{ .Values.scratch }}}
{{- end }}

{{- define "mammosynth-batch.prepare" -}}
containers:
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "prepare" "service" "curator" "mounts" (printf "%s\n%s" (include "mammosynth-batch.mount" (dict "root" . "name" "films" "readOnly" true)) (include "mammosynth-batch.mount" (dict "root" . "name" "dataset"))) "options" .Values.prepare "args" (list "dataset" "prepare" (printf "--images=/films/%s" .Values.films.path) (printf "--table=/films/%s" .Values.films.table) (printf "--output=%s" (include "mammosynth.path" (dict "place" .Values.dataset "name" "dataset"))))) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.placeVolumes" . | nindent 2 }}
{{- end }}

{{/* The auto-encoder first, as an init container; then the classifier. */}}
{{- define "mammosynth-batch.train" -}}
{{- $mounts := printf "%s\n%s" (include "mammosynth-batch.mount" (dict "root" . "name" "dataset" "readOnly" true)) (include "mammosynth-batch.mount" (dict "root" . "name" "models")) -}}
{{- $dataset := include "mammosynth.path" (dict "place" .Values.dataset "name" "dataset") -}}
{{- $output := printf "--output=%s" (include "mammosynth.path" (dict "place" (dict "path" .Values.models.path "url" "") "name" "models")) -}}
initContainers:
  {{- include "mammosynth-batch.fetches" (dict "root" . "places" (list "dataset")) | nindent 2 }}
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "train-anomaly" "service" "trainer" "mounts" $mounts "options" .Values.train.anomaly "args" (list "train" "anomaly" $dataset $output)) | nindent 4 | trim }}
containers:
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "train-classifier" "service" "trainer" "mounts" $mounts "options" .Values.train.classifier "args" (list "train" "classifier" $dataset $output)) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.placeVolumes" . | nindent 2 }}
{{- end }}

{{- define "mammosynth-batch.runVolumes" -}}
{{- include "mammosynth-batch.placeVolumes" . }}
{{- if .Values.policies }}
- name: policies
  configMap: {name: {{ include "mammosynth-batch.name" . }}}
{{- end }}
{{- end }}

{{- define "mammosynth-batch.runMounts" -}}
- {name: tmp, mountPath: /tmp}
{{ include "mammosynth-batch.mount" (dict "root" . "name" "dataset" "readOnly" true) }}
{{- if not .Values.output.url }}
{{ include "mammosynth-batch.mount" (dict "root" . "name" "output") }}
{{- end }}
{{- if .Values.policies }}
- {name: policies, mountPath: /etc/mammosynth/policies, readOnly: true}
{{- end }}
{{- end }}


{{- define "mammosynth-batch.runContainer" -}}
{{ include "mammosynth-batch.generate" (dict "root" .root "shards" .root.Values.job.shards "dataset" (include "mammosynth.path" (dict "place" .root.Values.dataset "name" "dataset")) "output" (include "mammosynth.address" (dict "place" .root.Values.output "name" "output")) "run" (merge (dict "policy" (include "mammosynth-batch.policy" .root)) .root.Values.run) "addresses" .addresses "mounts" .mounts) }}
{{- end }}

{{- define "mammosynth-batch.against-services" -}}
{{- with include "mammosynth-batch.fetches" (dict "root" . "places" (list "dataset")) | trim }}
initContainers:
  {{- . | nindent 2 }}
{{- end }}
containers:
  - {{ include "mammosynth-batch.runContainer" (dict "root" . "addresses" .Values.services "mounts" (printf "%s%s" (include "mammosynth-batch.runMounts" .) (ternary "\n- {name: tls, mountPath: /tls, readOnly: true}" "" (ne .Values.tls.secretName "")))) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.runVolumes" . | nindent 2 }}
  {{- with .Values.tls.secretName }}
  - name: tls
    secret: {secretName: {{ . }}, defaultMode: 0440}
  {{- end }}
{{- end }}

{{- define "mammosynth-batch.generate-standalone" -}}
initContainers:
  {{- include "mammosynth-batch.fetches" (dict "root" . "places" (list "dataset" "models")) | nindent 2 }}
  {{- include "mammosynth-batch.checks" (dict "root" . "models" (include "mammosynth.path" (dict "place" .Values.models "name" "models")) "mounts" (include "mammosynth-batch.mount" (dict "root" . "name" "models" "readOnly" true))) | nindent 2 }}
  {{- include "mammosynth-batch.sidecars" (dict "root" . "models" (include "mammosynth.path" (dict "place" .Values.models "name" "models")) "mounts" (include "mammosynth-batch.mount" (dict "root" . "name" "models" "readOnly" true))) | nindent 2 }}
containers:
  - {{ include "mammosynth-batch.runContainer" (dict "root" . "addresses" (fromJson (include "mammosynth-batch.sidecarAddresses" .)) "mounts" (include "mammosynth-batch.runMounts" .)) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.runVolumes" . | nindent 2 }}
{{- end }}

{{- define "mammosynth-batch.finalise" -}}
containers:
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "finalise" "service" "orchestrator" "mounts" (ternary "" "- {name: output, mountPath: /output}" (ne .Values.output.url "")) "args" (list "finalise" (include "mammosynth.address" (dict "place" .Values.output "name" "output")))) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.placeVolumes" . | nindent 2 }}
{{- end }}

{{- define "mammosynth-batch.report" -}}
containers:
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "report" "service" "evaluator" "mounts" (printf "%s\n%s" (include "mammosynth-batch.mount" (dict "root" . "name" "output")) (include "mammosynth-batch.mount" (dict "root" . "name" "dataset" "readOnly" true))) "args" (list "report" (include "mammosynth.path" (dict "place" .Values.output "name" "output")))) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.placeVolumes" . | nindent 2 }}
{{- end }}

{{/* A GPU, where there is one, is asked for by `resources`. */}}
{{- define "mammosynth-batch.uplift" -}}
containers:
  - {{ include "mammosynth-batch.step" (dict "root" . "name" "uplift" "service" "evaluator" "mounts" (printf "%s\n%s\n%s" (include "mammosynth-batch.mount" (dict "root" . "name" "output")) (include "mammosynth-batch.mount" (dict "root" . "name" "dataset" "readOnly" true)) (include "mammosynth-batch.mount" (dict "root" . "name" "models" "readOnly" true))) "options" .Values.uplift "args" (list "uplift" (include "mammosynth.path" (dict "place" .Values.output "name" "output")) (printf "--dataset=%s" (include "mammosynth.path" (dict "place" .Values.dataset "name" "dataset"))))) | nindent 4 | trim }}
{{ include "mammosynth-batch.volumes" . }}
  {{- include "mammosynth-batch.placeVolumes" . | nindent 2 }}
{{- end }}
