"""What people install on Kubernetes: the kustomize folders and the Helm chart in config/."""
