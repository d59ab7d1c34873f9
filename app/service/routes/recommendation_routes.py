"""The path of recommendations. It wants a read key, or the user's token."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from app.service.http.framework import Asked
from app.service.http.openapi import problems, security
from app.service.questions.queries import READING
from app.service.questions.recommendations import ITEMS_MAX, UserItems, UserRecommendations
from app.service.routes.query_routes import TokenParameter


class RecommendationRoutes(Controller):
    """Recommendations. The dependency `user_items` is the process's."""

    tags = ("ask",)

    @get(
        "/v1/users/{user:str}/recommendations",
        summary="Items for a user",
        responses=problems(*READING, 404),
        security=security("readKey", "userToken"),
    )
    async def user_recommendations(
        self,
        request: Asked,
        user_items: NamedDependency[UserItems],
        user: FromPath[str],
        n: Annotated[int, QueryParameter(name="n", description=f"Number of items, at most {ITEMS_MAX}")] = 10,
        item: Annotated[
            list[str] | None,
            QueryParameter(
                name="item", description="An item of now, such as the product of this page; the latest first"
            ),
        ] = None,
        token: TokenParameter = None,
    ) -> UserRecommendations:
        """Items that users with the same latest items came to, the best first, then popular ones.

        `because` is the item of the history that speaks most for an item. Items of the history are not among them.
        """
        reader = user_items.access.may_follow(request.headers, token, user)
        return await user_items.of(user, reader, most=n, current=item or ())
