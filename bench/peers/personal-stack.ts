import 'reflect-metadata'
import { ApolloServer } from '@apollo/server'
import { startStandaloneServer } from '@apollo/server/standalone'
import DataLoader from 'dataloader'
import mongoose, { Schema, type HydratedDocument } from 'mongoose'
import { Arg, buildSchema, Ctx, Field, Float, ID, Int, ObjectType, Query, Resolver } from 'type-graphql'
import { serveAsChild } from '../child.ts'

// What one writes after reading the three libraries' own guides: every setting as it comes, whole documents, a DataLoader a request. What is derived
// stands in the document as some job has left it.

@ObjectType()
class Traits {
  @Field(() => String, { nullable: true }) clothingSize?: string
  @Field(() => [String], { nullable: true }) favouriteColours?: string[]
  @Field(() => String, { nullable: true }) newsletterRhythm?: string
  @Field(() => Int, { nullable: true }) ordersLastYear?: number
  @Field(() => Float, { nullable: true }) spentLastYear?: number
  @Field(() => [String], { nullable: true }) favouriteCategories?: string[]
}

@ObjectType()
class Affinity {
  @Field(() => ID) kind!: string
  @Field(() => String) name!: string
  @Field(() => Float) score!: number
}

@ObjectType()
class Segment {
  @Field(() => ID) id!: string
  @Field(() => String) title!: string
}

@ObjectType()
class Customer {
  @Field(() => ID) id!: string
  @Field(() => String, { nullable: true }) email?: string
  @Field(() => String, { nullable: true }) givenName?: string
  @Field(() => String, { nullable: true }) familyName?: string
  @Field(() => String, { nullable: true }) pictureUrl?: string
  @Field(() => Int, { nullable: true }) birthYear?: number
  @Field(() => String, { nullable: true }) postcode?: string
  @Field(() => String, { nullable: true }) country?: string
  @Field(() => String, { nullable: true }) locale?: string
  @Field(() => Traits, { nullable: true }) traits?: Traits
  @Field(() => [Affinity], { nullable: true }) affinities?: Affinity[]
  @Field(() => [Segment], { nullable: true }) segments?: Segment[]
}

const customerSchema = new Schema({
  _id: { type: String, required: true },
  email: String,
  givenName: String,
  familyName: String,
  pictureUrl: String,
  birthYear: Number,
  postcode: String,
  country: String,
  locale: String,
  traits: new Schema(
    {
      clothingSize: String,
      favouriteColours: [String],
      newsletterRhythm: String,
      ordersLastYear: Number,
      spentLastYear: Number,
      favouriteCategories: [String],
    },
    { _id: false },
  ),
  affinities: [new Schema({ kind: String, name: String, score: Number }, { _id: false })],
  segments: [new Schema({ id: String, title: String }, { _id: false, id: false })],
})
const CustomerModel = mongoose.model('Customer', customerSchema, 'customers')
type CustomerDocument = HydratedDocument<mongoose.InferSchemaType<typeof customerSchema>>

interface Context {
  readonly customers: DataLoader<string, CustomerDocument | null>
}

async function readMany(keys: readonly string[]): Promise<(CustomerDocument | null)[]> {
  const found = new Map((await CustomerModel.find({ _id: { $in: keys } })).map((customer) => [customer.id, customer]))
  return keys.map((key) => found.get(key) ?? null)
}

@Resolver(() => Customer)
class CustomerResolver {
  @Query(() => Customer, { nullable: true })
  me(@Arg('id', () => ID) id: string, @Ctx() { customers }: Context): Promise<CustomerDocument | null> {
    return customers.load(id)
  }
}

await mongoose.connect(process.env['MONGODB_URI'] ?? '', { maxPoolSize: 50 })
const apollo = new ApolloServer<Context>({ schema: await buildSchema({ resolvers: [CustomerResolver] }) })
const { url } = await startStandaloneServer(apollo, {
  listen: { port: 0, host: '127.0.0.1' },
  context: async () => ({ customers: new DataLoader(readMany) }),
})
serveAsChild(Number(new URL(url).port), async () => {
  await apollo.stop()
  await mongoose.disconnect()
})
