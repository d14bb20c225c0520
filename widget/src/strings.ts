/** Every word the visitor reads or hears. Add a language: add a record to `catalogue`. */

const en = {
  assistantFallback: "Assistant",
  subtitle: "AI assistant",
  openChat: (name: string) => `Open chat with ${name}`,
  closeChat: "Close chat",
  newAnswer: "New answer",
  newConversation: "New conversation",
  chatWith: (name: string) => `Chat with ${name}`,
  conversation: "Conversation",
  greeting: "How can I help you?",
  prompts: "Suggested questions",
  placeholder: "Ask a question",
  question: "Your question",
  send: "Send",
  stop: "Stop answering",
  toEnd: "Go to the latest message",
  disclaimer: "AI can be wrong. Check the sources.",
  privacy: "Privacy",
  tooLong: (limit: number) => `Please keep the question under ${limit} characters.`,
  youSaid: "You asked:",
  assistantSaid: "Answer:",
  thinking: "Looking for an answer",
  reading: (count: number) => (count === 1 ? "Reading 1 page" : `Reading ${count} pages`),
  reconnecting: "Connection lost. Reconnecting",
  answering: "Writing an answer.",
  answered: "The answer is complete.",
  sources: (count: number) => (count === 1 ? "1 source" : `${count} sources`),
  backing: (count: number) => (count === 1 ? "Found in 1 source" : `Found in ${count} sources`),
  pageStates: {
    changed: "This page has changed since.",
    gone: "This page is no longer there.",
  } as Record<string, string>,
  meant: "Did you mean",
  mayHelp: "These pages may help",
  related: "Related pages",
  contact: "Talk to a person",
  source: (n: number, title: string) => `Source ${n}: ${title}`,
  openPage: "Open page",
  newTab: "opens in a new tab",
  copy: "Copy answer",
  copied: "Copied",
  up: "Good answer",
  down: "Bad answer",
  thanks: "Thanks for telling us.",
  notSaved: "That was not saved. Try again.",
  retry: "Try again",
  labels: {
    uncertain: "Not sure about this",
    refused: "Not in the sources",
    curated: "From the team",
    handed_over: "Passed on to a person",
  } as Record<string, string>,
  stopped: "You stopped this answer.",
  interrupted: "This answer was cut short.",
  emptyAnswer: "There is no answer to show.",
  problems: {
    offline: { message: "You are offline.", hint: "Your question is kept. Try again when you are back." },
    unreachable: {
      message: "The assistant cannot be reached.",
      hint: "Your question is kept. Check your connection, then try again.",
    },
    lost: {
      message: "The connection was lost while answering.",
      hint: "Try again to see the rest of the answer.",
    },
    failed: { message: "Something went wrong.", hint: "Try again in a moment." },
  } as Record<string, { message: string; hint: string }>,
  loading: "Loading the conversation",
  unreachable: {
    title: "The assistant cannot be reached",
    hint: "Check your connection, then try again.",
  },
  closed: {
    title: "The assistant is not available here",
    hint: "Please contact the owner of this site another way.",
  },
};

export type Strings = typeof en;

const catalogue: Record<string, Strings> = { en };

/** Return the strings for a language tag ("en-GB" falls back to "en", unknown ones to English). */
export function stringsFor(language: string | undefined): Strings {
  const base = (language ?? "en").toLowerCase().split("-")[0] ?? "en";
  return catalogue[base] ?? en;
}
