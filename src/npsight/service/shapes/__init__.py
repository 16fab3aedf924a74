"""Bodies and answers of the API as pydantic models: validation and both specs are made from them.

One module a topic. Only what every CRM can read is used: objects, lists of one type, strings,
integers, doubles and booleans; a field that may be missing is null.
"""
