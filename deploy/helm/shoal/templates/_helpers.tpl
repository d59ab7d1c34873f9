{{- define "shoal.selector" -}}
app.kubernetes.io/name: shoal
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .process }}
{{- end }}

{{- define "shoal.labels" -}}
{{ include "shoal.selector" . }}
app.kubernetes.io/part-of: shoal
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "shoal.common" -}}
app.kubernetes.io/name: shoal
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/part-of: shoal
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "shoal.probes" -}}
startupProbe:
  httpGet:
    path: /live
    port: {{ .port }}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet:
    path: /live
    port: {{ .port }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet:
    path: {{ .ready }}
    port: {{ .port }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 1
{{- end }}

{{/*
One process: its Deployment and its disruption budget. Given: root, process, args, values, grace (seconds).
A process that reads definitions or destinations has `mounts`: name of the volume -> variable.
*/}}
{{- define "shoal.process" -}}
{{- $root := .root }}
{{- $console := eq .process "console" }}
{{- $port := ternary "console" (ternary "http" "web" (eq .process "serve")) $console }}
{{- $number := ternary 8081 (ternary 8080 9100 (eq .process "serve")) $console }}
{{- $disk := ternary (.values.disk | default "") "" (eq .process "worker") }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $root.Release.Name }}-{{ .process }}
  labels:
    {{- include "shoal.labels" . | nindent 4 }}
spec:
  {{- if not (and $root.Values.keda.enabled (eq .process "worker")) }}
  replicas: {{ .values.replicas }}
  {{- end }}
  revisionHistoryLimit: 5
  selector:
    matchLabels:
      {{- include "shoal.selector" . | nindent 6 }}
  strategy:
    {{- if eq .process "census" }}
    # A second one would end the first.
    type: Recreate
    {{- else }}
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
    {{- end }}
  template:
    metadata:
      labels:
        {{- include "shoal.labels" . | nindent 8 }}
      annotations:
        {{- if not $console }}
        prometheus.io/scrape: "true"
        prometheus.io/path: /metrics
        prometheus.io/port: {{ $number | quote }}
        {{- end }}
        # A change of settings or files restarts who reads it, one pod after the other.
        checksum/files: {{ include (print $root.Template.BasePath "/config-maps.yaml") $root | sha256sum }}
    spec:
      serviceAccountName: {{ $root.Release.Name }}
      automountServiceAccountToken: false
      # Kubernetes would put SHOAL_..._SERVICE_HOST into the environment, and a process refuses what is no setting.
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace }}
      {{- with $root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        runAsGroup: 10001
        {{- if $disk }}
        fsGroup: 10001
        {{- end }}
        seccompProfile:
          type: RuntimeDefault
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "shoal.selector" . | nindent 14 }}
      containers:
        - name: shoal
          image: {{ $root.Values.image.repository }}:{{ $root.Values.image.tag | default $root.Chart.AppVersion }}
          imagePullPolicy: {{ $root.Values.image.pullPolicy }}
          args: {{ toJson .args }}
          envFrom:
            - configMapRef:
                name: {{ $root.Release.Name }}-settings
            - secretRef:
                name: {{ $root.Values.secret }}
                optional: true
            {{- if eq .process "destinations" }}
            - secretRef:
                name: {{ $root.Values.destinationSecret }}
                optional: true
            {{- end }}
            {{- if $console }}
            - secretRef:
                name: {{ .values.secret }}
                optional: true
            {{- end }}
          env:
            # A mounted ConfigMap shows each file twice, by a link too: ..data is the folder of the files themselves.
            {{- range $volume, $variable := .mounts }}
            - name: {{ $variable }}
              value: /{{ $volume }}/..data
            {{- end }}
            {{- if eq .process "worker" }}
            - name: SHOAL_PROFILES_BYTES_MAX
              value: {{ .values.profilesBytesMax | int64 | quote }}
            {{- end }}
            {{- if eq .process "intake" }}
            - name: SHOAL_SOURCES
              value: {{ .values.sources | quote }}
            {{- end }}
            {{- if and (or $console (eq .process "warehouse")) $root.Values.warehouse.place }}
            - name: SHOAL_WAREHOUSE
              value: {{ $root.Values.warehouse.place | quote }}
            {{- end }}
            {{- if $disk }}
            - name: SHOAL_PROFILE_STORE
              value: disk
            - name: SHOAL_PROFILE_DIRECTORY
              value: /profiles
            {{- end }}
            {{- if $root.Values.caConfigMap }}
            - name: SHOAL_KAFKA_CA_FILE
              value: /certificates/ca.crt
            {{- end }}
          ports:
            - name: {{ $port }}
              containerPort: {{ $number }}
          {{- include "shoal.probes" (dict "port" $port "ready" (ternary "/live" "/ready" $console)) | nindent 10 }}
          {{- if eq .process "serve" }}
          # Those who send requests must have heard of it before it takes no more.
          lifecycle:
            preStop:
              sleep:
                seconds: 5
          {{- end }}
          resources:
            {{- $resources := deepCopy .values.resources }}
            {{- if $disk }}
            {{- $_ := set $resources.requests "ephemeral-storage" $disk }}
            {{- $_ := set $resources.limits "ephemeral-storage" $disk }}
            {{- end }}
            {{- toYaml $resources | nindent 12 }}
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          {{- if or .mounts $disk $root.Values.caConfigMap }}
          volumeMounts:
            {{- range $volume, $_ := .mounts }}
            - name: {{ $volume }}
              mountPath: /{{ $volume }}
              readOnly: true
            {{- end }}
            {{- if $console }}
            - name: console
              mountPath: /console
              readOnly: true
            - name: reports
              mountPath: /tmp
            {{- end }}
            {{- if $disk }}
            - name: profiles
              mountPath: /profiles
            {{- end }}
            {{- if $root.Values.caConfigMap }}
            - name: certificates
              mountPath: /certificates
              readOnly: true
            {{- end }}
      volumes:
        {{- range $volume, $_ := .mounts }}
        - name: {{ $volume }}
          configMap:
            name: {{ $root.Release.Name }}-{{ $volume }}
        {{- end }}
        {{- if $console }}
        - name: console
          secret:
            secretName: {{ .values.users }}
            optional: true
        # Reports read the warehouse through files of their own.
        - name: reports
          emptyDir:
            sizeLimit: 2Gi
        {{- end }}
        {{- if $disk }}
        - name: profiles
          emptyDir:
            sizeLimit: {{ $disk }}
        {{- end }}
        {{- if $root.Values.caConfigMap }}
        - name: certificates
          configMap:
            name: {{ $root.Values.caConfigMap }}
        {{- end }}
      {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $root.Release.Name }}-{{ .process }}
  labels:
    {{- include "shoal.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "shoal.selector" . | nindent 6 }}
{{- end }}
