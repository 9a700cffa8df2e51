{{/*
What makes Prometheus scrape pods. Each takes the chart's root, the name and namespace of what is made, and as selector the
template of the pods' labels.
*/}}

{{/* Headless: each replica has metrics of its own, and one asks for those of all. The release's ServiceMonitor selects it by its labels. */}}
{{- define "sshkey-operator.metricsService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "sshkey-operator.labels" .root | nindent 4 }}
  {{- with .root.Values.metricsService.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  clusterIP: None
  selector: {{- include .selector .root | nindent 4 }}
  ports:
    - name: metrics
      port: {{ .port }}
      targetPort: metrics
{{- end -}}

{{/* Of pods in these namespaces. */}}
{{- define "sshkey-operator.podMonitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: {{ .name }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- merge (include "sshkey-operator.labels" .root | fromYaml) .root.Values.podMonitor.labels | toYaml | nindent 4 }}
spec:
  namespaceSelector:
    matchNames: {{- toYaml .namespaces | nindent 6 }}
  selector:
    matchLabels: {{- include .selector .root | nindent 6 }}
  podMetricsEndpoints:
    - port: metrics
      {{- with .root.Values.podMonitor.interval }}
      interval: {{ . }}
      {{- end }}
{{- end -}}
