/** A text on its way from one page to another, such as a file that was dropped. */

let kept: string | undefined;

export function keepDraft(text: string): void {
  kept = text;
}

/** The text that was kept, once. */
export function takeDraft(): string | undefined {
  const text = kept;
  kept = undefined;
  return text;
}
