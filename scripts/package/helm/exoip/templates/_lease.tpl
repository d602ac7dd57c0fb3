{{/* Whether the chart makes a secret for the lease: "true", or nothing. */}}
{{- define "exoip.lease.made" -}}
{{- with .Values.lease }}{{ if or .password .ca .cert .key }}true{{ end }}{{ end -}}
{{- end -}}

{{/*
The files of the lease, as a list: variable of exoip, name in the pod, secret and entry, and the text if the chart makes
that secret, whose entries have the names of the files.
*/}}
{{- define "exoip.lease.files" -}}
{{- $made := printf "%s-lease" (include "exoip.name" .) -}}
{{- $lease := .Values.lease -}}
{{- $first := $lease.existingSecret -}}
{{- $second := $lease.certificateSecret | default $first -}}
{{- $passwordField := ternary $lease.passwordField "" (ne $lease.user "") -}}
{{- $files := list -}}
{{- range list
  (list "IF_LEASE_PASSWORD_FILE" "password" $lease.password $first $passwordField)
  (list "IF_CA_FILE" "ca.pem" $lease.ca $second $lease.caField)
  (list "IF_LEASE_CERT_FILE" "cert.pem" $lease.cert $second $lease.certField)
  (list "IF_LEASE_KEY_FILE" "key.pem" $lease.key $second $lease.keyField)
-}}
{{- $file := dict "variable" (index . 0) "path" (index . 1) "text" (index . 2) -}}
{{- if index . 2 -}}
{{- $files = append $files (merge $file (dict "secret" $made "field" (index . 1))) -}}
{{- else if and (index . 3) (index . 4) -}}
{{- $files = append $files (merge $file (dict "secret" (index . 3) "field" (index . 4))) -}}
{{- end -}}
{{- end -}}
{{- toYaml $files -}}
{{- end -}}

{{/* Fails if values of the lease contradict each other, or if what one of them needs is missing. */}}
{{- define "exoip.lease.check" -}}
{{- include (ternary "exoip.lease.checkStray" "exoip.lease.checkValues" (eq .Values.lease.store "")) . -}}
{{- end -}}

{{/* Somebody who forgets the store must not believe that there is a lease. */}}
{{- define "exoip.lease.checkStray" -}}
{{- range $name, $value := .Values.lease -}}
{{- if and $value (ne $name "passwordField") -}}
{{- fail (printf "lease.%s: found no lease.store, wanted one such as etcd:https://10.0.0.1:2379" $name) -}}
{{- end -}}
{{- end -}}
{{- range $name, $value := .Values.options -}}
{{- if hasPrefix "IF_LEASE_" $name -}}
{{- fail (printf "options.%s: found no lease.store, wanted one such as etcd:https://10.0.0.1:2379" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "exoip.lease.checkValues" -}}
{{- $lease := .Values.lease -}}
{{- if not .Values.exclusive -}}
{{- fail "exclusive: found false and lease.store, wanted true: with a lease only one node holds" -}}
{{- end -}}
{{- if and $lease.password $lease.existingSecret -}}
{{- fail "lease.password: found lease.existingSecret, too, wanted one of them" -}}
{{- end -}}
{{- if and $lease.user (not $lease.password) (not $lease.existingSecret) -}}
{{- fail "lease.user: found no password, wanted lease.password or lease.existingSecret" -}}
{{- end -}}
{{- if and $lease.password (not $lease.user) -}}
{{- fail "lease.password: found no lease.user, wanted one" -}}
{{- end -}}
{{- if contains "\n" (trimSuffix "\n" $lease.password) -}}
{{- fail "lease.password: found several lines, wanted the password alone" -}}
{{- end -}}
{{- $certificates := or $lease.caField $lease.certField -}}
{{- if and $lease.existingSecret (not $lease.user) (or $lease.certificateSecret (not $certificates)) -}}
{{- fail "lease.existingSecret: found nothing to take from it, wanted lease.user, or a caField, or a certField" -}}
{{- end -}}
{{- if and $lease.certificateSecret (not $certificates) -}}
{{- fail "lease.certificateSecret: found nothing to take from it, wanted lease.caField or lease.certField" -}}
{{- end -}}
{{- if and (or $lease.ca $lease.caField) (hasKey .Values.options "IF_CA_FILE") -}}
{{- fail "options.IF_CA_FILE: found an authority in lease, too, wanted one of them" -}}
{{- end -}}
{{- include "exoip.lease.checkTexts" . -}}
{{- end -}}

{{- define "exoip.lease.checkTexts" -}}
{{- $lease := .Values.lease -}}
{{- $named := ternary "lease.certificateSecret" "lease.existingSecret" (ne $lease.certificateSecret "") -}}
{{- $secret := $lease.certificateSecret | default $lease.existingSecret -}}
{{- range $name, $label := dict "ca" "CERTIFICATE" "cert" "CERTIFICATE" "key" "PRIVATE KEY" -}}
{{- $text := get $lease $name -}}
{{- if and $text $secret -}}
{{- fail (printf "lease.%s: found %s, too, wanted one of them" $name $named) -}}
{{- end -}}
{{- if and $text (not (regexMatch (printf "-----BEGIN (EC |RSA )?%s-----\n" $label) $text)) -}}
{{- fail (printf "lease.%s: found another text, wanted a PEM file with -----BEGIN %s-----" $name $label) -}}
{{- end -}}
{{- if and (get $lease (printf "%sField" $name)) (not $secret) -}}
{{- fail (printf "lease.%sField: found no secret of yours, wanted lease.existingSecret or certificateSecret" $name) -}}
{{- end -}}
{{- end -}}
{{- $cert := or $lease.cert $lease.certField -}}
{{- $key := or $lease.key $lease.keyField -}}
{{- if ne (empty $cert) (empty $key) -}}
{{- $found := ternary "certificate without its key" "key without its certificate" (empty $key) -}}
{{- fail (printf "lease: found a %s, wanted both" $found) -}}
{{- end -}}
{{- end -}}
