{{/* Name of the release's objects in its namespace: a DNS label with room for a suffix. */}}
{{- define "sshkey-operator.fullname" -}}
{{- $name := printf "%s-sshkey-operator" .Release.Name -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if contains "sshkey-operator" .Release.Name -}}
{{- $name = .Release.Name -}}
{{- end -}}
{{- $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of its objects of the cluster and in other namespaces: begins with the namespace, unless the release is called like it. */}}
{{- define "sshkey-operator.clusterName" -}}
{{- $name := include "sshkey-operator.fullname" . -}}
{{- if or .Values.fullnameOverride (eq .Release.Name .Release.Namespace) -}}
{{- $name -}}
{{- else -}}
{{- printf "%s-%s" .Release.Namespace $name -}}
{{- end -}}
{{- end -}}

{{/* The first half of the names of the roles for people: sshkey, as in deploy/, unless that would be somebody else's. */}}
{{- define "sshkey-operator.userRoleName" -}}
{{- $name := include "sshkey-operator.clusterName" . -}}
{{- ternary "sshkey" $name (eq $name "sshkey-operator") -}}
{{- end -}}

{{- define "sshkey-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sshkey-operator.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.create is false: serviceAccount.name must name the account" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The operator's account, as the API server calls it. */}}
{{- define "sshkey-operator.username" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "sshkey-operator.serviceAccountName" . }}
{{- end -}}

{{/* The operator's account, as a binding names it. */}}
{{- define "sshkey-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "sshkey-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* The one label that selects the pods: that of deploy/, so that an installation by it can be taken over. */}}
{{- define "sshkey-operator.selectorLabels" -}}
app.kubernetes.io/name: sshkey-operator
{{- end -}}

{{- define "sshkey-operator.labels" -}}
{{- $own := dict
  "helm.sh/chart" (printf "sshkey-operator-%s" (.Chart.Version | replace "+" "_") | trunc 63 | trimSuffix "-")
  "app.kubernetes.io/instance" .Release.Name
  "app.kubernetes.io/version" .Chart.AppVersion
  "app.kubernetes.io/managed-by" .Release.Service
-}}
{{- merge (include "sshkey-operator.selectorLabels" . | fromYaml) $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "sshkey-operator.podLabels" -}}
{{- $own := dict "app.kubernetes.io/instance" .Release.Name -}}
{{- merge (include "sshkey-operator.selectorLabels" . | fromYaml) $own .Values.podLabels .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "sshkey-operator.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Where the ConfigMap of revoked keys is mounted. */}}
{{- define "sshkey-operator.revokedKeysFolder" -}}
/etc/sshkey-operator-revoked
{{- end -}}

{{/* Where the volume of lists of compromised keys is mounted. */}}
{{- define "sshkey-operator.blocklistsFolder" -}}
/etc/sshkey-operator-blocklists
{{- end -}}

{{/* The operator's configuration file. */}}
{{- define "sshkey-operator.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- with .Values.revokedKeys -}}
{{- if .configMap -}}
{{- $_ := set $config "revokedKeys" (printf "%s/%s" (include "sshkey-operator.revokedKeysFolder" $) .key) -}}
{{- end -}}
{{- end -}}
{{- if .Values.blocklists.volume -}}
{{- $_ := set $config "blocklists" (include "sshkey-operator.blocklistsFolder" $) -}}
{{- end -}}
{{- if not $config.policy.maximumLifetime -}}
{{- $_ := unset $config.policy "maximumLifetime" -}}
{{- end -}}
{{- if .Values.portal.enabled -}}
{{- $_ := set $config "portal" (include "sshkey-operator.portalConfig" . | fromYaml) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The section of the portal, with where its session keys are mounted. */}}
{{- define "sshkey-operator.portalConfig" -}}
{{- $session := dict "session" (dict "keysFolder" (include "sshkey-operator.sessionKeysFolder" .)) -}}
{{- merge (deepCopy .Values.portal.config) $session | toYaml -}}
{{- end -}}

{{/* Where the Secret of session keys is mounted. */}}
{{- define "sshkey-operator.sessionKeysFolder" -}}
/etc/sshkey-operator-portal-session
{{- end -}}

{{- define "sshkey-operator.portalName" -}}
{{- include "sshkey-operator.fullname" . }}-portal
{{- end -}}

{{/* Not the operator's: its Deployment selects by that label alone. */}}
{{- define "sshkey-operator.portalSelectorLabels" -}}
app.kubernetes.io/name: sshkey-portal
{{- end -}}

{{- define "sshkey-operator.portalPodLabels" -}}
{{- $own := dict "app.kubernetes.io/instance" .Release.Name -}}
{{- merge (include "sshkey-operator.portalSelectorLabels" . | fromYaml) $own .Values.portal.podLabels .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "sshkey-operator.portalSubjects" -}}
- kind: ServiceAccount
  name: {{ include "sshkey-operator.portalName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Where people's SSHKeys are: the portal's namespace, and those that a claim may name. */}}
{{- define "sshkey-operator.portalNamespaces" -}}
{{- $first := required "portal.enabled is true: portal.namespace must name the namespace of people's SSHKeys" .Values.portal.namespace -}}
{{- prepend (default list .Values.portal.config.namespaces) $first | uniq | toJson -}}
{{- end -}}

{{- define "sshkey-operator.usageSelectorLabels" -}}
app.kubernetes.io/name: sshkey-usage
{{- end -}}

{{- define "sshkey-operator.usagePodLabels" -}}
{{- $own := dict "app.kubernetes.io/instance" .Release.Name -}}
{{- merge (include "sshkey-operator.usageSelectorLabels" . | fromYaml) $own .Values.usage.podLabels .Values.commonLabels | toYaml -}}
{{- end -}}

{{- define "sshkey-operator.usageNodesPodLabels" -}}
{{- $own := dict "app.kubernetes.io/instance" .Release.Name -}}
{{- merge (include "sshkey-operator.usageSelectorLabels" . | fromYaml) $own .Values.usage.nodes.podLabels .Values.commonLabels | toYaml -}}
{{- end -}}

{{/* Of the agents and of the SSHKeys that they report. */}}
{{- define "sshkey-operator.usageNodesNamespace" -}}
{{- $namespace := required "usage.nodes.enabled is true: usage.nodes.namespace must name the namespace of the SSHKeys with which people log in to nodes" .Values.usage.nodes.namespace -}}
{{- if eq $namespace .Release.Namespace -}}
{{- fail "usage.nodes.namespace is the release's: name another, whose pods may mount a folder of the node and do not run beside the operator" -}}
{{- end -}}
{{- $namespace -}}
{{- end -}}

{{/* Where its pods are: those that read logs of pods, and those on nodes. */}}
{{- define "sshkey-operator.usagePodNamespaces" -}}
{{- $namespaces := list -}}
{{- if .Values.usage.enabled -}}
{{- $namespaces = append $namespaces .Release.Namespace -}}
{{- end -}}
{{- if .Values.usage.nodes.enabled -}}
{{- $namespaces = append $namespaces (include "sshkey-operator.usageNodesNamespace" .) -}}
{{- end -}}
{{- $namespaces | toJson -}}
{{- end -}}

{{- define "sshkey-operator.usageSubjects" -}}
- kind: ServiceAccount
  name: sshkey-usage
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* Where the pods are whose logs are read. */}}
{{- define "sshkey-operator.usageNamespaces" -}}
{{- if not .Values.usage.namespaces -}}
{{- fail "usage.enabled is true: usage.namespaces must name the namespaces of the pods whose logs are read" -}}
{{- end -}}
{{- .Values.usage.namespaces | toJson -}}
{{- end -}}

{{/* All that the operator may do in the namespaces it serves. */}}
{{- define "sshkey-operator.rules" -}}
- apiGroups: [sshkey-operator.dev]
  resources: [sshkeys, authorizedkeys]
  verbs: [list, watch]
- apiGroups: [sshkey-operator.dev]
  resources: [sshkeys/status, authorizedkeys/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- if .Values.config.refresh.pods }}
- apiGroups: [""]
  resources: [pods]
  verbs: [list, patch]
{{- end }}
{{- end -}}
