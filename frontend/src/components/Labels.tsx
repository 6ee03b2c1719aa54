import classes from './Labels.module.css';

interface LabelsProps {
  labels: Record<string, string>;
  /** Names that are shown elsewhere already. */
  without?: readonly string[];
}

/** Label pairs as chips; a long value wraps rather than being cut. */
export function Labels({ labels, without = [] }: LabelsProps) {
  const pairs = Object.entries(labels)
    .filter(([name]) => !without.includes(name))
    .sort(([left], [right]) => left.localeCompare(right));
  return (
    <ul className={classes.labels} aria-label="Labels">
      {pairs.map(([name, value]) => (
        <li key={name} className={classes.label}>
          <span className={classes.name}>{name}=</span>
          {value}
        </li>
      ))}
    </ul>
  );
}
