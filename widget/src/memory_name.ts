/** The storage key, shared by the loader and memory.ts: chats of different servers never mix. */
export function memoryName(server: string, assistant: string): string {
  return `parlance:${server}:${assistant}`;
}
