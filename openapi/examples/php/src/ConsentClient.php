<?php

declare(strict_types=1);

namespace Copilot;

use Closure;
use Copilot\Generated\Api\ConsentApi;
use Copilot\Generated\Model\ConsentChange;
use GuzzleHttp\Psr7\Request;

/** The generated client of `set_consent`, for an endpoint that is configured as a whole URL. */
final class ConsentClient extends ConsentApi
{
    public function __construct(
        private readonly string $endpoint,
        Credentials $credentials,
        ?Closure $transport = null,
    ) {
        parent::__construct(Http::client(null, $transport), $credentials->configuration());
    }

    public function setConsentRequest(
        ConsentChange $consent_change,
        string $contentType = self::contentTypes['setConsent'][0],
    ): Request {
        $generated = parent::setConsentRequest($consent_change, $contentType);
        return Http::request($generated, $this->endpoint, $consent_change);
    }
}
