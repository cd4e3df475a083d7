"""NeMo's policy language for the replacement of personal data: templates, their sandbox, and the steps."""
