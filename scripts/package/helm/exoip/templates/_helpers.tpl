{{- define "exoip.name" -}}
{{- if contains "exoip" .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-exoip" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "exoip.selector" -}}
app.kubernetes.io/name: exoip
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "exoip.labels" -}}
{{ include "exoip.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "exoip.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "exoip.secret" -}}
{{ .Values.apiKey.existingSecret | default (include "exoip.name" .) }}
{{- end -}}

{{/* Where the probes ask: the pod's loopback interface is the node's; else the pod's address, which is the node's. */}}
{{- define "exoip.probe" -}}
httpGet:
  {{- if ne .root.Values.status.listenOn "node" }}
  host: 127.0.0.1
  {{- end }}
  port: {{ .root.Values.status.port }}
  path: {{ .path }}
timeoutSeconds: 5
{{- end -}}
