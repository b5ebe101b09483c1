"""What the two ECR providers share. Only `call` and what it uses import botocore."""
