{{/* The Job of a run: shards of its pairs, side by side, each worked on by one pod.

Takes: name, labels, podLabels, podAnnotations, job (values: shards, parallelism, backoffLimitPerIndex,
ttlSecondsAfterFinished, suspend, queueName), spec (of the pod, as text). */}}
{{- define "mammosynth.indexedJob" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .name }}
  labels:
    {{- .labels | nindent 4 }}
    {{- with .job.queueName }}
    kueue.x-k8s.io/queue-name: {{ . | quote }}
    {{- end }}
spec:
  completionMode: Indexed
  completions: {{ .job.shards }}
  parallelism: {{ min .job.parallelism .job.shards }}
  # Each shard has its own failures; a deleted pod counts as one, so there is room for some.
  backoffLimitPerIndex: {{ .job.backoffLimitPerIndex }}
  # A pod is replaced when it has ended, not while it still writes.
  podReplacementPolicy: Failed
  podFailurePolicy:
    rules:
      - action: Ignore
        onPodConditions:
          - {type: DisruptionTarget, status: "True"}
      # Wrong input or configuration is no better at the next attempt.
      - action: FailIndex
        onExitCodes: {operator: In, values: [2]}
  {{- include "mammosynth.jobSettings" .job | nindent 2 }}
  template:
    metadata:
      labels:
        {{- .podLabels | nindent 8 }}
      {{- with .podAnnotations }}
      annotations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
    spec:
      {{- .spec | nindent 6 }}
{{- end }}

{{/* Settings of every Job. */}}
{{- define "mammosynth.jobSettings" -}}
{{- with .ttlSecondsAfterFinished }}
ttlSecondsAfterFinished: {{ int . }}
{{- end }}
{{- if .activeDeadlineSeconds }}
activeDeadlineSeconds: {{ int .activeDeadlineSeconds }}
{{- end }}
suspend: {{ .suspend }}
{{- end }}

{{/* The container that works on one shard. Takes: image, pullPolicy, run (values: pairs, seed, policy, placebo,
keepRejected, anySize, graceSeconds), shards, addresses (by service), dataset (path), output (address), tls,
objectStorage, resources, mounts (as text). */}}
{{- define "mammosynth.generateContainer" -}}
name: generate
image: {{ .image }}
imagePullPolicy: {{ .pullPolicy }}
args:
  - generate
  - --shard=$(JOB_COMPLETION_INDEX)/{{ .shards }}
env:
  - {name: MAMMOSYNTH_GENERATE_DATASET, value: {{ .dataset | quote }}}
  - {name: MAMMOSYNTH_GENERATE_OUTPUT, value: {{ .output | quote }}}
  - {name: MAMMOSYNTH_GENERATE_PAIRS, value: {{ int .run.pairs | quote }}}
  - {name: MAMMOSYNTH_GENERATE_SEED, value: {{ int64 .run.seed | quote }}}
  - {name: MAMMOSYNTH_GENERATE_POLICY, value: {{ .run.policy | quote }}}
  - {name: MAMMOSYNTH_GENERATE_KEEP_REJECTED, value: {{ .run.keepRejected | quote }}}
  {{- if not (kindIs "invalid" .run.placebo) }}
  - {name: MAMMOSYNTH_GENERATE_PLACEBO, value: {{ .run.placebo | quote }}}
  {{- end }}
  - {name: MAMMOSYNTH_GENERATE_ANY_SIZE, value: {{ .run.anySize | quote }}}
  - {name: MAMMOSYNTH_GENERATE_GRACE_S, value: {{ .run.graceSeconds | quote }}}
  - {name: MAMMOSYNTH_GENERATE_START_TIMEOUT_S, value: {{ .run.startSeconds | quote }}}
  {{- range $service := list "stylizer" "anomaly" "classifier" }}
  - {name: MAMMOSYNTH_GENERATE_{{ upper $service }}, value: {{ get $.addresses $service | quote }}}
  {{- end }}
  {{- include "mammosynth.tlsEnv" (dict "tls" .tls "prefix" "MAMMOSYNTH_GENERATE" "client" true) | nindent 2 }}
  {{- include "mammosynth.objectStorageEnv" .objectStorage | nindent 2 }}
  {{- include "mammosynth.writableEnv" . | nindent 2 }}
securityContext:
  {{- include "mammosynth.containerSecurityContext" . | nindent 2 }}
resources:
  {{- toYaml .resources | nindent 2 }}
volumeMounts:
  {{- .mounts | nindent 2 }}
{{- end }}
