import { Anchor, Button, Stack, Text } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useLocation, useRouter } from '@tanstack/react-router';
import { acceptInvitation, meQuery, seeInvitation } from '../api/auth';
import { asProblem } from '../api/problem';
import type { components } from '../api/schema';
import { JoinForm } from '../forms/JoinForm';
import { ProblemAlert } from '../ui/ProblemAlert';
import { RowSkeleton } from '../ui/RowSkeleton';
import { AuthPage } from './AuthPage';

type Seen = components['schemas']['InvitationSeen'];

/** The page behind an invitation's link. The token is in the fragment, which no server sees. */
export function JoinPage() {
  const token = useLocation().hash.replace(/^#/, '');
  const seen = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => seeInvitation(token),
    retry: false,
    staleTime: Infinity,
    enabled: token !== '',
  });
  const title = seen.data ? `Join ${seen.data.tenant_name}` : 'Join';
  const lead = seen.data
    ? `${seen.data.invited_by ?? 'A colleague'} invites ${seen.data.email} as ${seen.data.role}.`
    : 'An invitation to an organisation.';
  return (
    <AuthPage title={title} lead={lead} foot={<Anchor size="sm" renderRoot={(props) => <Link to="/login" {...props} />}>Log in</Anchor>}>
      {token === '' && <Text size="sm">The invitation is missing in this address: open the whole link that you were sent.</Text>}
      {seen.isLoading && <RowSkeleton rows={3} height={41} />}
      {seen.error && <NoInvitation cause={seen.error} retry={() => void seen.refetch()} />}
      {seen.data && (seen.data.has_account ? <WithAccount seen={seen.data} token={token} /> : <WithNewAccount seen={seen.data} token={token} />)}
    </AuthPage>
  );
}

function NoInvitation({ cause, retry }: { cause: unknown; retry: () => void }) {
  const problem = asProblem(cause);
  if (problem.status !== 404) return <ProblemAlert problem={problem} retry={retry} />;
  return <Text size="sm">This link is not good any more: it was used, was revoked or is too old. Ask for another one.</Text>;
}

function WithNewAccount({ seen, token }: { seen: Seen; token: string }) {
  const router = useRouter();
  const client = useQueryClient();
  return (
    <JoinForm
      token={token}
      email={seen.email}
      onDone={(session) => {
        client.clear();
        router.history.push(`/p/${session.project_id}`);
      }}
    />
  );
}

/** The address has an account: its holder is, or becomes, signed in, and accepts. */
function WithAccount({ seen, token }: { seen: Seen; token: string }) {
  const router = useRouter();
  const client = useQueryClient();
  const me = useQuery({ ...meQuery, retry: false });
  const accept = useMutation({
    mutationFn: () => acceptInvitation(token),
    onSuccess: (project) => {
      client.clear();
      router.history.push(`/p/${project}`);
    },
    // The session ended meanwhile: whoever they are logs in first.
    onError: () => client.invalidateQueries({ queryKey: meQuery.queryKey }),
  });
  if (me.isPending) return <RowSkeleton rows={1} height={41} />;
  const signedIn = !me.error && me.data?.user.email.toLowerCase() === seen.email.toLowerCase();
  return (
    <Stack gap="sm">
      {accept.error && <ProblemAlert problem={asProblem(accept.error)} />}
      <Text size="sm">
        {signedIn
          ? `You are signed in as ${seen.email}.`
          : `${seen.email} has an account here. Log in with it, and you come back to this page.`}
      </Text>
      {signedIn ? (
        <Button loading={accept.isPending} onClick={() => accept.mutate()}>
          Join {seen.tenant_name}
        </Button>
      ) : (
        <Button renderRoot={(props) => <Link to="/login" search={{ next: `/join#${token}` }} {...props} />}>Log in</Button>
      )}
    </Stack>
  );
}
