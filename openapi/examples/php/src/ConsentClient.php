<?php

declare(strict_types=1);

namespace Copilot;

use Copilot\Generated\Api\ConsentApi;
use Copilot\Generated\Model\ConsentChange;
use GuzzleHttp\Psr7\Request;
use GuzzleHttp\Psr7\Uri;
use InvalidArgumentException;

/** The generated client of `set_consent`, for an endpoint that is configured as a whole URL. */
final class ConsentClient
{
    private readonly ConsentApi $api;

    /** @throws InvalidArgumentException when the endpoint is none; the message does not quote it */
    public function __construct(string $endpoint, Credentials $credentials)
    {
        $uri = Endpoint::parse('the endpoint of set_consent', $endpoint);
        $http = Http::client($uri, [200, 204], null);
        $this->api = new class ($uri, $http, $credentials->configuration()) extends ConsentApi {
            public function __construct(private readonly Uri $uri, mixed ...$generated)
            {
                parent::__construct(...$generated);
            }

            public function setConsentRequest(
                ConsentChange $consent_change,
                string $contentType = self::contentTypes['setConsent'][0],
            ): Request {
                $generated = parent::setConsentRequest($consent_change, $contentType);
                return Http::request($generated, $this->uri, $consent_change);
            }
        };
    }

    /**
     * Reports what a user decided, and returns the status of the success, after which the change is recorded.
     *
     * @throws NotSent when the generated rules refuse the change
     * @throws Refusal when the request was refused
     * @throws Unreadable when the answer is a success that the contract does not describe
     * @throws NoAnswer when no answer came
     */
    public function setConsent(ConsentChange $change): int
    {
        $faults = Json::faults($change);
        if ($faults !== []) {
            throw new NotSent($faults);
        }
        return $this->api->setConsentWithHttpInfo($change)[1];
    }

    /** @return array<string, string> what a dump may show */
    public function __debugInfo(): array
    {
        return [];
    }
}
