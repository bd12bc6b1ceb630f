/**
 * The data that crosses the engine's boundary, as JSON has it: snake_case
 * fields, as in GA4 and Google Merchant Center. Times are milliseconds since
 * 1970 UTC. Fields the engine does not know are ignored.
 */

import type { CatalogueReport } from './catalogue.js'
import type { ErrorCode } from './errors.js'

export type * from './catalogue.js'

/** What a shopper can do: GA4's e-commerce events, a page view, and four about ads. */
export type EventName =
  | 'page_view'
  | 'search'
  | 'view_item_list'
  | 'select_item'
  | 'view_item'
  | 'add_to_wishlist'
  | 'add_to_cart'
  | 'remove_from_cart'
  | 'view_cart'
  | 'begin_checkout'
  | 'purchase'
  | 'refund'
  | 'view_promotion'
  | 'select_promotion'
  | 'ad_render'
  | 'ad_impression'
  | 'ad_click'
  | 'ad_dismiss'

/** One product within an event, with GA4's item fields. */
export interface Item {
  /** The product's id in the catalogue. */
  item_id?: string | number | undefined
  /** The product's name; not used for ranking. */
  item_name?: string | undefined
  /** The brand; filled from the catalogue if absent. */
  item_brand?: string | undefined
  /** First level of the category; filled from the catalogue if absent. */
  item_category?: string | undefined
  /** Second level of the category. */
  item_category2?: string | undefined
  /** Third level of the category. */
  item_category3?: string | undefined
  /** Fourth level of the category. */
  item_category4?: string | undefined
  /** Fifth level of the category. */
  item_category5?: string | undefined
  /** The variant, e.g. a colour. */
  item_variant?: string | undefined
  /** Unit price in `currency`; text such as `"12.90"` is read and flagged. */
  price?: number | string | undefined
  /** Unit discount in `currency`. */
  discount?: number | string | undefined
  /** Number of units; 1 if absent. */
  quantity?: number | string | undefined
  /** Place in the list, from 0. */
  index?: number | string | undefined
  /** ISO 4217 code; the event's or the catalogue's if absent. */
  currency?: string | undefined
}

/** The fields of an event beside its name and time. */
export interface EventFields {
  /** ISO 4217 code of the prices in this event. */
  currency?: string | undefined
  /** Value of the event in `currency`. */
  value?: number | string | undefined
  /** What the shopper searched for; required by `search`. */
  search_term?: string | undefined
  /** The order; a second `purchase` with the same id is a duplicate. */
  transaction_id?: string | undefined
  /** The list's id. */
  item_list_id?: string | undefined
  /** The list's name. */
  item_list_name?: string | undefined
  /** The promotion's id. */
  promotion_id?: string | undefined
  /** The promotion's name. */
  promotion_name?: string | undefined
  /** The promotion's creative. */
  creative_name?: string | undefined
  /** The promotion's place on the page. */
  creative_slot?: string | undefined
  /** The products concerned; those after the 200th are dropped. */
  items?: Item[] | undefined
}

/** One thing the shopper did, as the shop already reports it to GA4. */
export interface SessionEvent extends EventFields {
  /** What happened; an unknown name is ignored and counted. */
  event: EventName | (string & {})
  /** When it happened; the time of the call if absent. */
  ts?: number | undefined
  /** Makes the event idempotent: a second one with this id is a duplicate. */
  id?: string | undefined
  /** The same fields one level down, as in a tag manager's data layer. */
  ecommerce?: EventFields | null | undefined
  /** The placement it came from. */
  placement?: string | undefined
  /** The decision it came from. */
  decision?: string | undefined
}

/** Why an event was refused. */
export type EventReason =
  | 'missing-event'
  | 'unknown-event'
  | 'invalid-time'
  | 'too-old'
  | 'duplicate'
  | 'missing-item'
  | 'missing-search-term'

/** What was corrected or noticed in an event; only `robot-like` keeps it from counting. */
export type EventFlag =
  | 'time-filled'
  | 'future-time'
  | 'late'
  | 'price-parsed'
  | 'price-dropped'
  | 'quantity-filled'
  | 'price-filled'
  | 'brand-filled'
  | 'category-filled'
  | 'item-dropped'
  | 'items-truncated'
  | 'text-cut'
  | 'personal-data-dropped'
  | 'robot-like'

/** What became of an event. */
export interface Observed {
  /** Whether the event counts. */
  accepted: boolean
  /** Why it was refused, or null. */
  reason: EventReason | null
  /** The field at fault, or null. */
  field: string | null
  /** The offending value as text, shortened, or null. */
  value: string | null
  /** What to change, or null. */
  remedy: string | null
  /** What was corrected or noticed. */
  flags: EventFlag[]
}

/** Why the model did not score and the formula stood in. */
export interface Fallback {
  /** The code of the error. */
  code: ErrorCode
  /** What went wrong. */
  message: string
}

/** A tensor a model takes. */
export interface ModelInput {
  /** A name of the feature contract, e.g. `ad.embedding`. */
  name: string
  /** Element type in ONNX's word, e.g. `float`. */
  dtype: string
  /** Dimensions, text for one that varies; null where the file does not say. */
  shape: (number | string)[] | null
}

/** What was read from a model. */
export interface ModelReport {
  /** The build that runs it. */
  engine: 'compact' | 'full'
  /** Hash of the file; equals {@link ScorerInfo.model}. */
  model: string
  /** What it takes. */
  inputs: ModelInput[]
  /** The ONNX operators it uses. */
  operators: string[]
  /** Stored numbers: weights and constants. */
  parameters: number
  /** Size of the file. */
  bytes: number
  /** What the file says about itself, or null. */
  description: string | null
  /** Hash of the item vocabulary it was trained with, or null. */
  vocabulary: string | null
  /** What its output means. */
  output: 'probability' | 'logit'
  /** Golden cases in the file, all of which passed. */
  golden: number
  /** Kinds of shoppers that the trainer found, the largest first: what leads in each, and its share of the sessions. */
  segments: { name: string; share: number }[]
  /** What does not prevent its use but should be known. */
  warnings: string[]
}

/** Where the shopper is. */
export interface Page {
  /** Kind of page. */
  type?: 'home' | 'category' | 'product' | 'search' | 'cart' | 'checkout' | 'other' | undefined
  /** The product shown. */
  item_id?: string | undefined
  /** The category shown. */
  category?: string | undefined
  /** What was searched for. */
  search_term?: string | undefined
}

/** A request for a slate. */
export interface RankRequest {
  /** A placement of the catalogue. */
  placement: string
  /** Where the shopper is. */
  page?: Page | undefined
  /** At most this many ads; the placement's `max_ads` if absent. */
  limit?: number | undefined
  /** Kind of device. */
  device?: 'phone' | 'tablet' | 'desktop' | undefined
  /**
   * How many products are scored: `'all'`, or the best so many, from 1 to 100,000: by the anchors of the model where
   * the catalogue has them, otherwise by the likeness of their content to the profile and the page. By default the best
   * 400 of more than 2,000 where there are anchors of the model, or no model; otherwise all.
   */
  retrieve?: number | 'all' | undefined
  /** Makes the decision repeatable; drawn if absent. */
  seed?: number | undefined
}

/** One ad of a slate. */
export interface SlateEntry {
  /** Place in the slate, from 0. */
  position: number
  /** The ad; send it back with feedback. */
  ad: string
  /** The product. */
  item_id: string
  /** The campaign that pays, or null. */
  campaign: string | null
  /** Whether somebody pays; label it in plain words. */
  sponsored: boolean
  /** The scorer's answer; comparable within one decision. */
  score: number
  /** The chance the policy gave to this ad in this position. */
  propensity: number
}

/** Which scorer ranks. */
export interface ScorerInfo {
  /** `cosine` needs no model; the others name the build that runs it. */
  name: 'cosine' | 'compact' | 'full'
  /** Hash of the model's file, or null. */
  model: string | null
}

/** How the ads that were scored were found. */
export interface Retrieval {
  /**
   * `content`: the most alike in content to the profile and the page; `anchors`: those to which the model's scores
   * of a few foretell the highest.
   */
  by: 'all' | 'content' | 'anchors'
  /** How many were scored at the end. */
  ads: number
  /** Whether the catalogue has anchors of another model than the one in force, which were left aside. */
  other_anchors: boolean
}

/** The ads chosen for one placement, best first, and all that is needed to replay the choice. */
export interface Decision {
  /** Identifies this decision; send it back with feedback. */
  decision: string
  /** The placement asked for. */
  placement: string
  /** When it was taken. */
  at: number
  /** The seed it was taken with. */
  seed: number
  /** The chosen ads, best first; may be empty. */
  slate: SlateEntry[]
  /** Whether the profile or only the page was used. */
  basis: 'profile' | 'contextual'
  /** Which scorer ranked. */
  scorer: ScorerInfo
  /** Why another scorer than the model ranked, or null. */
  fallback: Fallback | null
  /** How the ads that were scored were found. */
  retrieval: Retrieval
  /** {@link CatalogueReport.version} in force. */
  catalogue_version: string
  /** How many ads competed. */
  candidates: number
  /** How many ads were kept out, by reason. */
  removed: Record<string, number>
  /** Time spent, in microseconds, as exact as the platform's clock; null where it has none. */
  elapsed_us: number | null
}

/** What the shopper did with an ad of a slate. */
export interface Feedback {
  /** {@link Decision.decision}. */
  decision: string
  /** {@link SlateEntry.ad}. */
  ad: string
  /** An impression is half of the pixels seen for a second, and painted. */
  kind: 'impression' | 'click' | 'dismiss' | 'purchase'
}

/** What became of a feedback. */
export interface FeedbackResult {
  /** Whether it counts. */
  counted: boolean
  /** `repeat` for the second of its kind, or null. */
  reason: 'repeat' | null
}

/** What the shopper says about themselves; only pass it on if they allowed it. */
export interface Statement {
  /** Basic information; null erases it. */
  basic?:
    | {
        age_band?: '18-24' | '25-34' | '35-44' | '45-54' | '55-64' | '65+' | undefined
        gender?: 'female' | 'male' | 'other' | undefined
        region?: string | undefined
      }
    | null
    | undefined
  /** Liking for a category or a brand, from -1 (never) to 1. */
  preferences?:
    | readonly { category?: string | undefined; brand?: string | undefined; weight: number }[]
    | undefined
}

/** How far along the shopper is in this session; the strongest sign counts. */
export type Stage = 'new' | 'browsing' | 'considering' | 'carting' | 'checking_out' | 'bought'

/** An interest and its strength. */
export interface Interest {
  /** The category or brand. */
  name: string
  /** From -1 to 1. */
  weight: number
}

/** What the engine knows and has done; nothing else is kept. */
export interface Stats {
  /** Counts of events. */
  events: {
    /** Events that count. */
    accepted: number
    /** Events that do not, by reason. */
    ignored: Record<string, number>
    /** Corrections made. */
    flags: Record<string, number>
  }
  /** What this device remembers of the shopper. */
  profile: {
    /** Number of products remembered. */
    items: number
    /** Strongest categories first. */
    categories: Interest[]
    /** Strongest brands first. */
    brands: Interest[]
    /** Mean price looked at, in the catalogue's currency, or null. */
    mean_price: number | null
    /** How far the shopper has come. */
    stage: Stage
    /** Events in the current session. */
    session_events: number
    /** Start of the current session, or null. */
    session_start: number | null
  }
  /** The catalogue in force, or null. */
  catalogue: CatalogueReport | null
  /** The scorer in force. */
  scorer: ScorerInfo
  /** Impressions counted. */
  impressions: number
  /** Clicks counted. */
  clicks: number
  /** Dismissals counted. */
  dismissals: number
  /** Purchases counted. */
  purchases: number
  /** Decisions taken. */
  decisions: number
  /** Decisions taken by another scorer than the model in force. */
  fallbacks: number
  /** Size of a snapshot. */
  snapshot_bytes: number
}
