import {
  IconArrowBackUp,
  IconBellRinging,
  IconCircleCheck,
  IconCircleDot,
  IconEdit,
  IconFlame,
  IconGitMerge,
  IconMessage,
  IconTrendingUp,
  IconUser,
  type Icon,
} from '@tabler/icons-react';
import type { TimelineEntry } from '../api/types';
import { isolated } from '../util/prose';
import { STATUS_ICONS } from './StatusBadge';

export interface Described {
  icon: Icon;
  /** The token of the tone, or undefined for the neutral one. */
  tone?: string;
  text: string;
  /** The other incident of a merge. */
  incident?: string;
}

/** One line per kind of entry; a kind that this console does not know yet is still shown, by its name. */
export function describeEntry(entry: TimelineEntry, people: ReadonlyMap<string, string>): Described {
  const describe = KINDS[entry.kind];
  return describe ? describe(dataOf(entry), people) : { icon: IconCircleDot, text: entry.kind.replaceAll('_', ' ') };
}

/** The contract leaves the data of an entry open; each kind reads what it knows and survives what it does not. */
function dataOf({ data }: TimelineEntry): Data {
  return typeof data === 'object' && data !== null ? (data as Data) : {};
}

type Data = Record<string, unknown>;
/** Names by user id. */
type People = ReadonlyMap<string, string>;

const KINDS: Record<string, (data: Data, people: People) => Described> = {
  opened: () => ({ icon: IconFlame, tone: 'detected', text: 'opened the incident' }),
  acknowledged: () => ({ icon: STATUS_ICONS.acknowledged, tone: 'acknowledged', text: 'acknowledged' }),
  investigating: () => ({ icon: STATUS_ICONS.investigating, tone: 'investigating', text: 'started investigating' }),
  mitigated: () => ({ icon: STATUS_ICONS.mitigated, tone: 'mitigated', text: 'marked it mitigated' }),
  resolved: (data) => ({
    icon: STATUS_ICONS.resolved,
    tone: 'resolved',
    text: data['automatic'] === true ? 'resolved it: all of its alerts have' : 'resolved it',
  }),
  learned: () => ({ icon: STATUS_ICONS.learned, tone: 'learned', text: 'closed the review: learned' }),
  reopened: () => ({ icon: IconArrowBackUp, tone: 'investigating', text: 'reopened it' }),
  severity_changed: (data) => ({
    icon: IconTrendingUp,
    text: `changed severity from ${word(data['from'])} to ${word(data['to'])}`,
  }),
  title_changed: (data) => ({ icon: IconEdit, text: `renamed it to “${isolated(word(data['to']))}”` }),
  assigned: (data, people) => ({ icon: IconUser, text: assignment(data['to'], people) }),
  comment: () => ({ icon: IconMessage, text: 'commented' }),
  alert_fired: (data) => ({ icon: IconBellRinging, tone: 'detected', text: `alert ${isolated(word(data['name']))} fired` }),
  alert_resolved: (data) => ({
    icon: IconCircleCheck,
    tone: 'resolved',
    text: `alert ${isolated(word(data['name']))} resolved`,
  }),
  merge_requested: (data) => ({
    icon: IconGitMerge,
    text: 'asked to merge it into',
    ...other(data['into']),
  }),
  merged: (data) => ({ icon: IconGitMerge, tone: 'merged', text: 'merged it into', ...other(data['into']) }),
  merge_cancelled: (data) => ({ icon: IconGitMerge, text: 'could not merge it into', ...other(data['into']) }),
  absorbed: (data) => ({ icon: IconGitMerge, text: 'merged in', ...other(data['source']) }),
};

function word(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : 'unknown';
}

function other(id: unknown): Pick<Described, 'incident'> {
  return typeof id === 'string' ? { incident: id } : {};
}

/** The assignee comes as a user id, or as nothing when nobody holds the incident any more. */
function assignment(to: unknown, people: People): string {
  if (typeof to !== 'string') return 'removed the assignee';
  return `assigned ${people.get(to) ?? 'a former member'}`;
}
