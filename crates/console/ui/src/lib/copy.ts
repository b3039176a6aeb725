/** Puts a text on the clipboard; also where the page did not come by TLS, and browsers keep the newer way to themselves. */
export async function copy(text: string): Promise<void> {
  if (isSecureContext) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const field = Object.assign(document.createElement("textarea"), { value: text });
  const focused = document.activeElement as HTMLElement | null;
  (document.querySelector('[role="dialog"]') ?? document.body).append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
  focused?.focus();
}
