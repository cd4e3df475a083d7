"""Records of runs for other tools: MLflow, OpenLineage, OpenTelemetry."""
