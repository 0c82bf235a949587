"""The language model behind the OpenAI-compatible API: asked within a budget, answers kept, usage accounted."""

from streams.llm.model import ChatModel, open_model
from streams.llm.usage import Usage

__all__ = ["ChatModel", "Usage", "open_model"]
