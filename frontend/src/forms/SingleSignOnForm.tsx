import { Button, Group, PasswordInput, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQueryClient } from '@tanstack/react-query';
import { may, meQuery } from '../api/auth';
import { keys } from '../api/keys';
import { setSingleSignOn, type NewSingleSignOn } from '../api/single-sign-on';
import { MEMBER_ROLES, type MemberRole, type SignOnProvider } from '../api/types';
import { GroupRoles, type GroupRole } from '../components/GroupRoles';
import { ProviderTest } from '../components/ProviderTest';
import { useProof } from '../components/useProof';
import { useProblemForm } from '../hooks/useProblemForm';
import { useMe, useProject } from '../hooks/useProject';
import { ProblemAlert } from '../ui/ProblemAlert';
import { draftOf, keepDraft } from '../util/drafts';
import { keptValues } from '../util/kept-form';
import { signOnDraft } from '../util/sign-on';
import { isFilled } from './checks';

interface Values {
  issuer: string;
  client_id: string;
  client_secret: string;
  scopes: string[];
  groups_claim: string;
  group_roles: GroupRole[];
  default_role: MemberRole | '';
  email_domains: string[];
  just_in_time: boolean;
  password_login: boolean;
  acr_values: string[];
  amr_values: string[];
}

/**
 * Sets all of a tenant's single sign-on; the secret is written and never read. What was typed outlives a proof at the
 * provider, but for the secret, which is kept nowhere.
 */
export function SingleSignOnForm({ provider, onDone }: { provider: SignOnProvider | null; onDone: () => void }) {
  const client = useQueryClient();
  const project = useProject();
  const me = useMe();
  const mayOwn = may(me, 'owner.manage');
  const draft = signOnDraft(me);
  const form = useForm<Values>({
    initialValues: keptValues(initial(provider), draftOf(draft)),
    validate: { issuer: isFilled('Enter the provider’s URL'), client_id: isFilled('Enter the client’s id') },
  });
  const { proven, dialog } = useProof(() => keepDraft(draft, JSON.stringify({ ...form.getValues(), client_secret: '' })));
  const { submit, pending, problem } = useProblemForm(
    form,
    (values) => proven(() => setSingleSignOn(wanted(values))),
    async () => {
      onDone();
      await client.invalidateQueries({ queryKey: keys.singleSignOn(project) });
      await client.invalidateQueries({ queryKey: meQuery.queryKey });
    },
  );
  const { issuer, group_roles: groups } = form.getValues();
  return (
    <>
      <form onSubmit={submit} noValidate>
        <Stack gap="sm">
          {problem && <ProblemAlert problem={problem} />}
          <TextInput
            label="Issuer"
            description="The provider’s URL, as it names itself"
            placeholder="https://login.example.com/realms/acme"
            {...form.getInputProps('issuer')}
          />
          <ProviderTest key={issuer} issuer={issuer} />
          <TextInput label="Client id" {...form.getInputProps('client_id')} />
          <PasswordInput
            label="Client secret"
            description={provider?.has_client_secret ? 'One is kept; leave this empty to keep it' : 'Is kept sealed and shown to nobody'}
            autoComplete="off"
            {...form.getInputProps('client_secret')}
          />
          <TagsInput
            label="Scopes"
            description="Some providers give refresh tokens only with offline_access"
            {...form.getInputProps('scopes')}
          />
          <TextInput
            label="Groups claim"
            description="Dots lead into objects, as in realm_access.roles"
            {...form.getInputProps('groups_claim')}
          />
          <GroupRoles
            value={groups}
            mayOwn={mayOwn}
            error={typeof form.errors['group_roles'] === 'string' ? form.errors['group_roles'] : undefined}
            onChange={(value) => form.setFieldValue('group_roles', value)}
          />
          <Select
            label="Everybody else"
            description="People in none of these groups"
            data={[
              { value: '', label: 'no access' },
              ...MEMBER_ROLES.filter((role) => role !== 'owner').map((role) => ({ value: role, label: role })),
            ]}
            allowDeselect={false}
            {...form.getInputProps('default_role')}
          />
          <TagsInput
            label="E-mail domains"
            description="Only verified addresses of these come in; empty for all"
            placeholder="example.com"
            {...form.getInputProps('email_domains')}
          />
          <TagsInput
            label="Context classes (acr)"
            description="Asked of the provider; only people of whom it says one of these come in. Empty for any"
            {...form.getInputProps('acr_values')}
          />
          <TagsInput
            label="Methods (amr)"
            description="Only people who used one of these come in, such as mfa. Empty for any"
            {...form.getInputProps('amr_values')}
          />
          <Switch
            label="People become members by signing in"
            {...form.getInputProps('just_in_time', { type: 'checkbox' })}
          />
          <Switch
            label="Members may still log in with a password"
            description="Owners always may, for when the provider is away"
            {...form.getInputProps('password_login', { type: 'checkbox' })}
          />
          <Group justify="flex-end">
            <Button size="sm" type="submit" loading={pending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
      {dialog}
    </>
  );
}

function initial(provider: SignOnProvider | null): Values {
  return {
    issuer: provider?.issuer ?? '',
    client_id: provider?.client_id ?? '',
    client_secret: '',
    scopes: provider?.scopes ?? ['openid', 'email', 'profile'],
    groups_claim: provider?.groups_claim ?? 'groups',
    group_roles: provider?.group_roles ?? [],
    default_role: provider?.default_role ?? '',
    email_domains: provider?.email_domains ?? [],
    just_in_time: provider?.just_in_time ?? true,
    password_login: provider?.password_login ?? true,
    acr_values: provider?.acr_values ?? [],
    amr_values: provider?.amr_values ?? [],
  };
}

/** Rows that were left empty say nothing. */
function wanted({ client_secret, default_role, group_roles, ...values }: Values): NewSingleSignOn {
  return {
    ...values,
    ...(client_secret && { client_secret }),
    default_role: default_role === '' ? null : default_role,
    group_roles: group_roles.filter(({ group }) => group.trim() !== ''),
  };
}
