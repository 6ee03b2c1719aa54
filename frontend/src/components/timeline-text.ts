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
import { STATUS_ICONS } from './StatusBadge';

interface Described {
  icon: Icon;
  /** The token of the tone, or undefined for the neutral one. */
  tone?: string;
  text: string;
}

/** One line per kind of entry; a kind that this console does not know yet is still shown, by its name. */
export function describeEntry(entry: TimelineEntry): Described {
  const describe = KINDS[entry.kind];
  return describe ? describe(entry.data) : { icon: IconCircleDot, text: entry.kind.replaceAll('_', ' ') };
}

type Data = Record<string, unknown>;

const KINDS: Record<string, (data: Data) => Described> = {
  opened: () => ({ icon: IconFlame, tone: 'detected', text: 'opened the incident' }),
  acknowledged: () => ({ icon: STATUS_ICONS.acknowledged, tone: 'acknowledged', text: 'acknowledged' }),
  investigating: () => ({ icon: STATUS_ICONS.investigating, tone: 'investigating', text: 'started investigating' }),
  mitigated: () => ({ icon: STATUS_ICONS.mitigated, tone: 'mitigated', text: 'marked it mitigated' }),
  resolved: () => ({ icon: STATUS_ICONS.resolved, tone: 'resolved', text: 'resolved it' }),
  learned: () => ({ icon: STATUS_ICONS.learned, tone: 'learned', text: 'closed the review: learned' }),
  reopened: () => ({ icon: IconArrowBackUp, tone: 'investigating', text: 'reopened it' }),
  severity_changed: (data) => ({
    icon: IconTrendingUp,
    text: `changed severity from ${word(data['from'])} to ${word(data['to'])}`,
  }),
  title_changed: (data) => ({ icon: IconEdit, text: `renamed it to “${word(data['to'])}”` }),
  assigned: (data) => ({ icon: IconUser, text: assignment(data['to']) }),
  comment: () => ({ icon: IconMessage, text: 'commented' }),
  alert_fired: (data) => ({ icon: IconBellRinging, tone: 'detected', text: `alert ${word(data['name'])} fired` }),
  alert_resolved: (data) => ({
    icon: IconCircleCheck,
    tone: 'resolved',
    text: `alert ${word(data['name'])} resolved`,
  }),
  merge_requested: () => ({ icon: IconGitMerge, text: 'asked to merge it into another incident' }),
  merged: () => ({ icon: IconGitMerge, tone: 'merged', text: 'merged it into another incident' }),
  merge_cancelled: () => ({ icon: IconGitMerge, text: 'merge was refused by the other incident' }),
  absorbed: () => ({ icon: IconGitMerge, text: 'merged another incident into this one' }),
};

function word(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : 'unknown';
}

/** The assignee comes as a person, a name, or null when nobody holds it any more. */
function assignment(to: unknown): string {
  if (to === null || to === undefined) return 'removed the assignee';
  if (typeof to === 'object' && 'name' in to) return `assigned ${word(to.name)}`;
  return 'changed the assignee';
}
