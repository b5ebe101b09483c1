{{- define "refresher.name" -}}
{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- end }}

{{- define "refresher.selector" -}}
app.kubernetes.io/name: refresher
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "refresher.labels" -}}
{{ include "refresher.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "refresher.account" -}}
{{ .Values.serviceAccount.name | default (ternary (include "refresher.name" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{- define "refresher.image" -}}
{{- $repository := required "image.repository is required: where you have pushed the image" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* The settings as they are mounted, with health where the probes ask. */ -}}
{{- define "refresher.settings" -}}
{{- if not .Values.settings }}{{ fail "settings is required: at least providers and sinks, as values.yaml shows" }}{{ end -}}
{{ toYaml (merge (dict "listen" ":8080") .Values.settings) }}
{{- end }}
