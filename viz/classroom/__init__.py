"""The class: students join from their phones, and what they say is weighed and taught."""
