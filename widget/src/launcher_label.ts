/** What a screen reader calls the launcher until the chat and its languages are here. */

const LABELS: Record<string, string> = {
  de: "Chat öffnen",
  fr: "Ouvrir la discussion",
  es: "Abrir el chat",
  pt: "Abrir o chat",
  it: "Apri la chat",
  nl: "Chat openen",
  pl: "Otwórz czat",
  sv: "Öppna chatten",
  ja: "チャットを開く",
  zh: "打开对话",
  ar: "فتح المحادثة",
};

export function openLabel(lang = ""): string {
  const wishes = [lang, document.documentElement.lang, ...navigator.languages].map((tag) => tag.slice(0, 2).toLowerCase());
  return LABELS[wishes.find((tag) => tag === "en" || LABELS[tag]) ?? ""] ?? "Open chat";
}
