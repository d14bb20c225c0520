"""The language model: loading, running, preparing and wrapping it for LangChain."""
