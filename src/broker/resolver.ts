import { Arg, Ctx, Field, ID, InputType, Int, Mutation, ObjectType, Query, Resolver } from 'type-graphql'
import { tokenOf, type Caller, type RequestFacts } from '../operation.ts'

@ObjectType({ simpleResolvers: true })
export class LoginProvider {
  @Field(() => ID) id!: string
  @Field(() => String) name!: string
  @Field(() => Boolean, { description: 'False while the provider does not answer.' }) available!: boolean
}

@ObjectType({
  simpleResolvers: true,
  description: 'The url ends, after the provider and where needed a page of ours, at redirectUri?code=…&state=…&iss=… or ?error=…',
})
export class LoginRedirect {
  @Field(() => String) url!: string
  @Field(() => Date) expiresAt!: Date
}

@ObjectType({ simpleResolvers: true, description: 'Members as in RFC 6749, 5.1; expiresIn is in seconds.' })
export class TokenSet {
  @Field(() => String) accessToken!: string
  @Field(() => String) tokenType!: string
  @Field(() => Int) expiresIn!: number
  @Field(() => String) scope!: string
  @Field(() => String, { nullable: true }) idToken?: string
  @Field(() => String, { nullable: true }) refreshToken?: string
}

@InputType()
export class StartLoginInput {
  @Field(() => ID) clientId!: string
  @Field(() => ID) provider!: string
  @Field(() => String) redirectUri!: string
  @Field(() => String, { description: 'S256 (RFC 7636).' }) codeChallenge!: string
  @Field(() => String, { nullable: true }) state?: string | null
  @Field(() => String, { nullable: true }) nonce?: string | null
  @Field(() => String, {
    nullable: true,
    description: 'Such as "openid offline_access purpose:order_processing"; left out: openid and all purposes of the client.',
  })
  scope?: string | null
  @Field(() => String, { nullable: true }) locale?: string | null
  @Field(() => String, { nullable: true }) loginHint?: string | null
}

@InputType()
export class CompleteLoginInput {
  @Field(() => ID) clientId!: string
  @Field(() => String) code!: string
  @Field(() => String) codeVerifier!: string
  @Field(() => String) redirectUri!: string
  @Field(() => String, { nullable: true }) clientSecret?: string | null
}

@InputType()
export class LoginWithIdTokenInput {
  @Field(() => ID) clientId!: string
  @Field(() => ID) provider!: string
  @Field(() => String) idToken!: string
  @Field(() => String) nonce!: string
  @Field(() => String, { nullable: true }) scope?: string | null
}

@InputType()
export class RefreshTokensInput {
  @Field(() => ID) clientId!: string
  @Field(() => String) refreshToken!: string
  @Field(() => String, { nullable: true }) scope?: string | null
  @Field(() => String, { nullable: true }) clientSecret?: string | null
}

/** The login as GraphQL reaches it: the same endpoints of the OpenID provider underneath, so the same rules. */
export interface LoginDoor {
  providers(): Promise<readonly LoginProvider[]>
  /** PROVIDER_UNKNOWN PROVIDER_UNAVAILABLE BAD_USER_INPUT RATE_LIMITED */
  start(input: StartLoginInput, request: RequestFacts): Promise<LoginRedirect>
  /** LOGIN_DENIED LOGIN_EXPIRED BAD_USER_INPUT RATE_LIMITED */
  complete(input: CompleteLoginInput, request: RequestFacts): Promise<TokenSet>
  /** LOGIN_DENIED LINK_REQUIRED PROVIDER_UNAVAILABLE RATE_LIMITED */
  withIdToken(input: LoginWithIdTokenInput, request: RequestFacts): Promise<TokenSet>
  /** LOGIN_EXPIRED BAD_USER_INPUT RATE_LIMITED */
  refresh(input: RefreshTokensInput, request: RequestFacts): Promise<TokenSet>
  logout(caller: Caller, everywhere: boolean): Promise<void>
}

export interface LoginOperation {
  readonly caller: Caller | null
  readonly request: RequestFacts
  readonly parts: { readonly login: LoginDoor }
}

@Resolver()
export class LoginResolver {
  @Query(() => [LoginProvider], { description: 'Providers a login can be started with, in the order to show them. Public.' })
  loginProviders(@Ctx() operation: LoginOperation): Promise<readonly LoginProvider[]> {
    return operation.parts.login.providers()
  }

  @Mutation(() => LoginRedirect, {
    description: 'Starts a login: send the browser to the url. For single-page, mobile and server-side storefronts alike. Public.',
  })
  startLogin(@Arg('input', () => StartLoginInput) input: StartLoginInput, @Ctx() operation: LoginOperation): Promise<LoginRedirect> {
    return operation.parts.login.start(input, operation.request)
  }

  @Mutation(() => TokenSet, { description: 'Ends a login: the code that came to the redirect URI, for tokens. Public.' })
  completeLogin(@Arg('input', () => CompleteLoginInput) input: CompleteLoginInput, @Ctx() operation: LoginOperation): Promise<TokenSet> {
    return operation.parts.login.complete(input, operation.request)
  }

  @Mutation(() => TokenSet, {
    description: "A login that the device's own dialog did: Google One Tap, Sign in with Apple, Facebook Limited Login. Public.",
  })
  loginWithIdToken(@Arg('input', () => LoginWithIdTokenInput) input: LoginWithIdTokenInput, @Ctx() operation: LoginOperation): Promise<TokenSet> {
    return operation.parts.login.withIdToken(input, operation.request)
  }

  @Mutation(() => TokenSet, { description: 'New tokens for a refresh token, which is used up. Public.' })
  refreshTokens(@Arg('input', () => RefreshTokensInput) input: RefreshTokensInput, @Ctx() operation: LoginOperation): Promise<TokenSet> {
    return operation.parts.login.refresh(input, operation.request)
  }

  @Mutation(() => Boolean, { description: 'Ends the login that the token stands on, or all logins of the customer on all devices.' })
  async logout(
    @Arg('everywhere', () => Boolean, { nullable: true, defaultValue: false }) everywhere: boolean | null,
    @Ctx() operation: LoginOperation,
  ): Promise<boolean> {
    await operation.parts.login.logout(tokenOf(operation.caller), everywhere === true)
    return true
  }
}
