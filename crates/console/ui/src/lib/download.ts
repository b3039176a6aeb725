/** Hands a value to the person as a file. */
export function download(name: string, value: unknown): void {
  downloadText(name, JSON.stringify(value, null, 2), "application/json");
}

/** Hands a text to the person as a file. */
export function downloadText(name: string, text: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
  URL.revokeObjectURL(address);
}
