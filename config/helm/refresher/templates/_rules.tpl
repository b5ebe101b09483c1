{{- /* The fixed namespaces of a sink, by line; nothing where patterns or labels choose them. */ -}}
{{- define "refresher.namespaces" -}}
{{- $given := .sink.namespaces | default (list .own) -}}
{{- $given = kindIs "map" $given | ternary $given (dict "names" (kindIs "string" $given | ternary (list $given) $given)) -}}
{{- $open := or $given.regex $given.labels (not $given.names) -}}
{{- if not (or $open (regexMatch "[*?\\[]" (join "" $given.names))) -}}
{{- $left := list -}}
{{- range $name := $given.names | uniq -}}
{{- $kept := true -}}
{{- range $pattern := $given.exclude -}}
{{- $regex := $pattern | replace "[!" "[^" | replace "*" ".*" | replace "?" "." -}}
{{- if regexMatch (printf "^%s$" $regex) $name }}{{ $kept = false }}{{ end -}}
{{- end -}}
{{- if $kept }}{{ $left = append $left $name }}{{ end -}}
{{- end -}}
{{- if not $left }}{{ fail "namespaces of a kubernetes sink: exclude takes away every one of names" }}{{ end -}}
{{- join "\n" $left -}}
{{- end -}}
{{- end }}

{{- /* What a sink needs in each namespace, as `refresher check` says, too. */ -}}
{{- define "refresher.rules" -}}
{{- $secret := .sink.secret | default "refresher" -}}
{{- $names := list $secret -}}
{{- if contains "{registry}" $secret -}}
{{- if not .secrets }}{{ fail "rbac.secrets is required: the names of the secrets, as a secret of the settings holds {registry}" }}{{ end -}}
{{- $names = .secrets -}}
{{- end -}}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: {{ toJson (sortAlpha $names) }}
  verbs: [get, list, update]
# Kubernetes can't restrict this to a name: the secret is not there yet.
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
{{- $accounts := .sink.service_accounts | default "none" -}}
{{- if ne (toString $accounts) "none" }}
- apiGroups: [""]
  resources: [serviceaccounts]
  {{- if eq (toString $accounts) "default" }}
  resourceNames: [default]
  {{- else if kindIs "map" $accounts }}
  {{- with $accounts.names }}
  resourceNames: {{ toJson (. | uniq | sortAlpha) }}
  {{- end }}
  {{- end }}
  verbs: [get, list, patch]
{{- end }}
{{- end }}
