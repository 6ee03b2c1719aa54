import { linkedPieces } from '../util/links';
import { OutLink } from './OutLink';

/** A text as it was written, with the addresses in it as links. */
export function LinkedText({ text }: { text: string }) {
  return linkedPieces(text).map((piece, index) =>
    piece.link ? (
      <OutLink key={index} href={piece.text}>
        {piece.text}
      </OutLink>
    ) : (
      piece.text
    ),
  );
}
