/** An agent or a person chose this address: only web pages become links. */
export function isWebLink(address: string): boolean {
  return /^https?:\/\/\S+$/i.test(address);
}

/** A text in pieces: addresses of web pages, and what is between them. What ends a sentence does not belong to an address. */
export function linkedPieces(text: string): { text: string; link: boolean }[] {
  return text
    .split(/(https?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}])/i)
    .map((piece, index) => ({ text: piece, link: index % 2 === 1 }))
    .filter((piece) => piece.text !== '');
}
