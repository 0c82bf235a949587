"""The language model behind the OpenAI-compatible API: asked within a budget, answers kept, usage accounted."""
