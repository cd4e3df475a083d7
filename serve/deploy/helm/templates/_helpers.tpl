{{- define "ss-ray.labels" -}}
app.kubernetes.io/name: ss-ray
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- /* Pods have a label of their own, because the operator sets and selects the usual ones. */}}
{{- define "ss-ray.podLabels" -}}
ss-ray/release: {{ .Release.Name }}
{{- end }}

{{- define "ss-ray.account" -}}
{{ .Values.serviceAccount.name | default .Release.Name }}
{{- end }}

{{- define "ss-ray.environment" -}}
- {name: RAY_AUTH_MODE, value: token}
- name: RAY_AUTH_TOKEN
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: ray-token}}
- name: SS_RAY_DATABASE
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: database-url}}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.existingSecret }}, key: database-password}}
{{- end }}

{{- define "ss-ray.pod" -}}
serviceAccountName: {{ include "ss-ray.account" . }}
securityContext: {runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ss-ray.container" -}}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
env:
{{ include "ss-ray.environment" . | indent 2 }}
{{- end }}
