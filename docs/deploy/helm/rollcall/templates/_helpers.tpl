{{- define "rollcall.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 56 | trimSuffix "-" -}}
{{- end -}}

{{- define "rollcall.selector" -}}
app.kubernetes.io/name: rollcall
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rollcall.labels" -}}
{{ include "rollcall.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "rollcall.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rollcall.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The kind that runs the server. */}}
{{- define "rollcall.kind" -}}
{{- if .Values.persistence.enabled }}StatefulSet{{ else }}Deployment{{ end -}}
{{- end -}}

{{/* Refuses what can't work, before it is in a cluster. */}}
{{- define "rollcall.check" -}}
{{- $config := .Values.config -}}
{{- range list "listen" "admin-listen" "data" "shutdown-timeout" "nats-creds" -}}
{{- if hasKey $config . -}}
{{- fail (printf "config.%s: the chart sets it; see its values" .) -}}
{{- end -}}
{{- end -}}
{{- $many := or .Values.autoscaling.enabled (gt (int .Values.replicas) 1) -}}
{{- if and $many (not $config.nats) -}}
{{- fail "several replicas share events only through NATS: set config.nats, or one replica" -}}
{{- end -}}
{{- if and .Values.persistence.enabled $config.nats -}}
{{- fail "events are kept either on a volume or in NATS: leave out persistence or config.nats" -}}
{{- end -}}
{{- $credentials := list .Values.existingSecret -}}
{{- range list "api-key" "api-keys" "jwt-secret" "jwt-public-key" "jwks-url" "authorize-url" "anonymous" "insecure" -}}
{{- $credentials = append $credentials (get $config .) -}}
{{- end -}}
{{- if not (without $credentials "" nil false) -}}
{{- fail "the server serves nobody without credentials: set existingSecret, or config.jwks-url or another one" -}}
{{- end -}}
{{- end -}}

{{/* A probe of a path, as the settings say over TLS or not: (list . "/healthz"). */}}
{{- define "rollcall.probe" -}}
{{- $config := (index . 0).Values.config -}}
httpGet:
  path: {{ index . 1 }}
  port: http
  {{- if or (get $config "tls-cert") (get $config "tls-dev") }}
  scheme: HTTPS
  {{- end }}
{{- end -}}
