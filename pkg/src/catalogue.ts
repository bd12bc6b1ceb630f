/**
 * The catalogue's file and the report on it. Field names are Google Merchant
 * Center's for products, our own for campaigns and placements.
 */

import type { Fallback } from './types.js'

/** A price in any of Merchant Center's spellings, or a number in the catalogue's currency. */
export type Price =
  | string
  | number
  | { value: number | string; currency: string }
  | { amountMicros: number | string; currencyCode: string }

/** One product, with the field names of Google Merchant Center; camelCase is accepted too. */
export interface Product {
  /** Unique within the catalogue. */
  id: string | number
  /** The name shown. */
  title: string
  /** The long text. */
  description?: string | undefined
  /** Address of the product page. */
  link?: string | undefined
  /** Address of the picture. */
  image_link?: string | undefined
  /** Regular price. */
  price?: Price | undefined
  /** Reduced price. */
  sale_price?: Price | undefined
  /** When the reduced price holds: `start/end`, both ISO 8601. */
  sale_price_effective_date?: string | undefined
  /** `in_stock`, `out_of_stock`, `preorder` or `backorder`, in any of their spellings. */
  availability?: string | undefined
  /** The brand. */
  brand?: string | undefined
  /** The shop's own category path, separated by ` > `. */
  product_type?: string | undefined
  /** Google's category, as id or path. */
  google_product_category?: string | number | undefined
  /** Shared by the variants of one product. */
  item_group_id?: string | undefined
  /** A vector of the catalogue's common width; computed from the text if absent. */
  embedding?: readonly number[] | undefined
}

/** What is drawn for an ad. */
export interface Creative {
  /** Unique within the campaign. */
  id: string
  /** The product advertised. */
  item_id: string | number
  /** Replaces the product's title. */
  title?: string | undefined
  /** Replaces the product's picture. */
  image?: string | undefined
  /** The words on the button. */
  cta?: string | undefined
  /** Replaces the product's address. */
  link?: string | undefined
}

/** Who pays, how much, where and when. */
export interface Campaign {
  /** Unique within the catalogue. */
  id: string
  /** The name shown beside "Sponsored". */
  advertiser: string
  /** Only `active` campaigns compete; `active` if absent. */
  status?: string | undefined
  /** First moment, RFC 3339. */
  start?: string | undefined
  /** Last moment, RFC 3339. */
  end?: string | undefined
  /** Price per click in the catalogue's currency. */
  bid?: number | undefined
  /** The price in full, instead of `bid`. */
  pricing?: { type: string; bid: number; currency?: string | undefined } | undefined
  /** Ids of the placements it competes for; all if absent. */
  placements?: readonly string[] | undefined
  /** What is drawn; each is one ad. */
  creatives: readonly Creative[]
}

/** Why a product may be kept out of a placement. */
export type Exclusion = 'bought' | 'in_cart' | 'current'

/** A place on the page that shows a slate. */
export interface Placement {
  /** Named by {@link RankRequest.placement}. */
  id: string
  /** Most ads at once; 4 if absent. */
  max_ads?: number | undefined
  /** Products kept out; all three kinds if absent. */
  exclude?: readonly Exclusion[] | undefined
}

/** All products, campaigns and placements known at a moment; replaced whole. */
export interface Catalogue {
  /** Version of this format. */
  schema: 1
  /** The shop's own name for this state. */
  version: string
  /** ISO 4217 code of prices that name none. */
  currency: string
  /** BCP 47 language of the texts. */
  locale?: string | undefined
  /** The products; each also competes, unsponsored, for every placement. */
  products: readonly Product[]
  /** The paid ads. */
  campaigns?: readonly Campaign[] | undefined
  /** The places to fill. */
  placements: readonly Placement[]
  /** Order of the ids a model was trained with. */
  vocabulary?:
    | { item?: readonly string[]; category?: readonly string[]; brand?: readonly string[] }
    | undefined
}

/** One thing in a catalogue that was left out or ignored. */
export interface CatalogueProblem {
  /** The list it is in; `catalogue` for the file itself. */
  section: 'products' | 'campaigns' | 'placements' | 'catalogue'
  /** Place in that list, from 1; 0 for the file itself. */
  row: number
  /** The row's id, or null. */
  id: string | null
  /** The field at fault. */
  field: string
  /** The offending value as text, shortened. */
  value: string
  /** An error cost the row, a warning only the field. */
  severity: 'error' | 'warning'
  /** What to change. */
  remedy: string
}

/** What `nearside catalogue build` writes: the shards of a catalogue, beside this file. */
export interface Manifest {
  /** Version of this format. */
  manifest: 1
  /** {@link Catalogue.version}. */
  version: string
  /** Over the shards' hashes. */
  hash: string
  /** Products in all shards. */
  ads: number
  /** In the order in which they are loaded. */
  shards: readonly {
    /** Its address, relative to the manifest's. */
    file: string
    /** Its size. */
    bytes: number
    /** What it must hold. */
    hash: string
    /** Products in it; creatives about them come on top. */
    ads: number
  }[]
}

/** What became of a catalogue by a delta. */
export interface DeltaReport {
  /** The version now in force. */
  version: string
  /** Products of which something is different. */
  changed: number
  /** Products that are new. */
  added: number
  /** Products that are gone. */
  gone: number
  /** Products that the delta changes or takes away and that were not loaded. */
  skipped: number
  /** Whether campaigns or placements were replaced. */
  campaigns: boolean
}

/** What was read from a catalogue. */
export interface CatalogueReport {
  /** The shop's own name for this state. */
  version: string
  /** Products in force. */
  products: number
  /** Campaigns in force. */
  campaigns: number
  /** Placements in force. */
  placements: number
  /** Ads that may compete. */
  ads: number
  /** Width of the product vectors. */
  embedding_width: number
  /** Bytes of memory that the catalogue takes, by the number of its ads. */
  bytes_per_ad: number
  /** Hash of the item vocabulary, to compare with a model's. */
  vocabulary: string
  /** The first problems found. */
  problems: CatalogueProblem[]
  /** How many there were in all. */
  problems_total: number
  /** Why the model in force left when this catalogue came, or null. */
  model_dropped: Fallback | null
}
