{{- /* The pod of either mode. Takes the chart's root, and `probed` for one that serves health. */ -}}
{{- define "refresher.pod" -}}
metadata:
  annotations:
    # Changed settings start a new pod.
    checksum/settings: {{ include "refresher.settings" .root | sha256sum }}
    {{- with .root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "refresher.labels" .root | nindent 4 }}
    {{- with .root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "refresher.account" .root }}
  automountServiceAccountToken: false
  # Nothing here is found by variables of services.
  enableServiceLinks: false
  {{- if not .probed }}
  restartPolicy: Never
  {{- end }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    # Tokens and the store are readable by this group.
    fsGroup: 65532
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: refresher
      image: {{ include "refresher.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      {{- if .probed }}
      args: [run]
      ports:
        - {name: health, containerPort: 8080}
      livenessProbe:
        httpGet: {path: /healthz, port: health}
        periodSeconds: 30
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: health}
        timeoutSeconds: 5
      {{- else }}
      args: [once]
      {{- end }}
      {{- with .root.Values.extraEnv }}
      env: {{- toYaml . | nindent 8 }}
      {{- end }}
      resources: {{- toYaml .root.Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: settings, mountPath: /etc/refresher, readOnly: true}
        - {name: state, mountPath: /var/lib/refresher}
        - name: account
          mountPath: /var/run/secrets/kubernetes.io/serviceaccount
          readOnly: true
        {{- with .root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: settings
      configMap: {name: {{ include "refresher.name" .root }}}
    # Records and temporary files. They end with the pod; the next one fetches once more.
    - name: state
      emptyDir: {sizeLimit: 64Mi}
    - name: account
      projected:
        sources:
          - serviceAccountToken: {path: token, expirationSeconds: 3600}
          - configMap:
              name: kube-root-ca.crt
              items: [{key: ca.crt, path: ca.crt}]
          - downwardAPI:
              items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
    {{- with .root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
