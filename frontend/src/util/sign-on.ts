/** What the login page says of a sign-on that came to nothing, by the name that the server sends back with. */
const OUTCOMES: Readonly<Record<string, { title: string; advice: string }>> = {
  again: {
    title: 'The sign-in took too long, or was finished in another tab',
    advice: 'Begin it again.',
  },
  cancelled: { title: 'The sign-in was cancelled', advice: 'Nothing has changed.' },
  link_first: {
    title: 'A member already has your e-mail address',
    advice: 'Log in with your password, then link your account under Settings, Your security.',
  },
  no_access: {
    title: 'Your provider knows you, but you have no access here',
    advice: 'Ask an admin of your organisation: the audit says which rule was in the way.',
  },
  prove_first: {
    title: 'Your account was not linked',
    advice: 'Link it under Settings, Your security, where your password is asked for.',
  },
  refused: {
    title: 'The sign-in was refused',
    advice: 'Begin it again. If it stays so, ask an admin of your organisation: the audit says which rule refused it.',
  },
  stronger: {
    title: 'Your organisation asks for a stronger sign-in',
    advice: 'Begin it again and use what your provider offers besides the password, such as a second factor. If it stays so, ask an admin.',
  },
  unavailable: {
    title: 'This organisation has no single sign-on',
    advice: 'Log in with your password, or ask your organisation for its link.',
  },
  unreachable: {
    title: 'The sign-in provider does not answer',
    advice: 'Try again in a moment. Owners can log in with their password meanwhile.',
  },
};

/** By what the settings that somebody is writing are kept while they prove who they are. */
export function signOnDraft(me: { user: { id: string }; tenant: { id: string } } | undefined): string {
  return `single-sign-on:${me?.user.id ?? ''}:${me?.tenant.id ?? ''}`;
}

/** Undefined for what the server never says. */
export function signOnOutcome(name: string | undefined): { title: string; advice: string } | undefined {
  return name !== undefined && Object.hasOwn(OUTCOMES, name) ? OUTCOMES[name] : undefined;
}
