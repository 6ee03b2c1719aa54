import { stretches } from '../util/prose';
import { LinkedText } from './LinkedText';
import classes from './WrittenText.module.css';

/** A text as it was written, its addresses as links and its code as code. */
export function WrittenText({ text }: { text: string }) {
  return stretches(text).map((piece, index) => {
    if (piece.kind === 'text') return <LinkedText key={index} text={piece.text} />;
    // A region that scrolls sideways has to be reached by keyboard.
    if (piece.kind === 'block') return <code key={index} className={classes.block} tabIndex={0}>{piece.text}</code>;
    return <code key={index} className={classes.code}>{piece.text}</code>;
  });
}
