import classes from './Logo.module.css';

/** The pulse of the favicon with the name; `mark` alone where the navigation is collapsed. */
export function Logo({ mark = false }: { mark?: boolean }) {
  return (
    <span className={classes.logo}>
      <svg viewBox="0 0 32 32" width="24" height="24" role="img" aria-label={mark ? 'SRE Copilot' : undefined} aria-hidden={!mark}>
        <rect width="32" height="32" rx="8" fill="#4653cf" />
        <path
          d="M5 17h5l3-8 5 15 3.500-9 1.500 2h4"
          fill="none"
          stroke="#fff"
          strokeWidth="2.600"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      {!mark && <span>SRE Copilot</span>}
    </span>
  );
}
