import classes from './CodeBlock.module.css';
import { CopyIcon } from './CopyIcon';

/** A file to copy: its name, its text, one button. Long lines scroll inside the block, never the page. */
export function CodeBlock({ name, text }: { name: string; text: string }) {
  return (
    <figure className={classes.block}>
      <figcaption className={classes.name}>
        <span className="mono">{name}</span>
        <CopyIcon value={text} label={`Copy ${name}`} />
      </figcaption>
      <pre className={classes.text} tabIndex={0} aria-label={name} role="region">
        <code>{text}</code>
      </pre>
    </figure>
  );
}
