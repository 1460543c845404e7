"""The same abilities for programs: /api/v1."""
