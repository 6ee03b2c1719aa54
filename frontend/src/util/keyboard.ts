/** What the key is called that goes with letters for commands: on a Mac another one than elsewhere. */
export function modKey(platform: string = navigator.platform): string {
  return /^(Mac|iP)/.test(platform) ? '⌘' : 'Ctrl';
}
