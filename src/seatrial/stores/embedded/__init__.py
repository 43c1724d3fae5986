"""The S3 store that a project on a laptop has without asking: SeaweedFS, started when it is needed."""
